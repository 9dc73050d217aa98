#!/usr/bin/env python3
"""Writes encoded texts and what they say, one case a line: kind, label, bytes in hex, text.

Two encoders that know nothing of each other or of the decoder under test: Python's codecs and glibc's iconv(3). The variants of
ISO-2022-JP that neither writes (CP50220/1/2, damage on the way) are made of the bytes of these by the rules that stand at each.

Kinds: `named` has the right label, `bare` none, `wrong` another charset's.
"""
import ctypes
import random
import sys

libc = ctypes.CDLL(None, use_errno=True)
libc.iconv_open.restype = ctypes.c_void_p
libc.iconv_open.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
libc.iconv.restype = ctypes.c_size_t
libc.iconv.argtypes = [ctypes.c_void_p] + [ctypes.c_void_p] * 4
libc.iconv_close.argtypes = [ctypes.c_void_p]
FAILED = ctypes.c_size_t(-1).value


def iconv(text, charset):
    """The text in a charset by glibc, None where it has no such character."""
    cd = libc.iconv_open(charset.encode(), b"UTF-8")
    if cd in (None, ctypes.c_void_p(-1).value):
        raise SystemExit(f"iconv knows no {charset}")
    source = text.encode()
    taken = ctypes.create_string_buffer(source, len(source))
    room = ctypes.create_string_buffer(len(source) * 8 + 64)
    at, left = ctypes.c_void_p(ctypes.addressof(taken)), ctypes.c_size_t(len(source))
    to, free = ctypes.c_void_p(ctypes.addressof(room)), ctypes.c_size_t(len(room))
    result = libc.iconv(cd, ctypes.byref(at), ctypes.byref(left), ctypes.byref(to), ctypes.byref(free))
    if result == 0:
        result = libc.iconv(cd, None, None, ctypes.byref(to), ctypes.byref(free))
    libc.iconv_close(cd)
    return room.raw[:len(room) - free.value] if result == 0 else None


def codec(text, name):
    """The text in a charset by Python, None where it has no such character."""
    try:
        return text.encode(name)
    except UnicodeEncodeError:
        return None


# CP932 reads NEC's selection of the IBM characters (ED, EE) and IBM's own codes (FA-FC) as the same and writes IBM's.
NEC_SELECTED = {}
for lead in (0xED, 0xEE):
    for trail in range(0x40, 0xFD):
        try:
            NEC_SELECTED[bytes([lead, trail]).decode("cp932")] = (lead, trail)
        except UnicodeDecodeError:
            pass

FULL = str.maketrans({chr(half): full for half, full in zip(
    range(0xFF61, 0xFFA0),
    "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン゛゜")})


def microsoft(text, kana):
    """CP5022x: the rows of CP932 in the plane of JIS X 0208. `kana` is how half-width katakana go: `escape` (CP50221), `shift` (CP50222),
    `eight` (JIS8). CP50220 makes them full width first."""
    out, mode = b"", b"\x1b(B"
    for c in text:
        raw = codec(c, "cp932")
        if raw is None or 0xF0 <= raw[0] <= 0xF9:
            return None
        if len(raw) == 1 and raw[0] < 0x80:
            wanted, body = b"\x1b(B", raw
        elif len(raw) == 1:
            if kana == "shift":
                wanted, body = b"\x0e", bytes([raw[0] & 0x7F])
            elif kana == "eight":
                wanted, body = b"\x1b(B", raw
            else:
                wanted, body = b"\x1b(I", bytes([raw[0] & 0x7F])
        else:
            lead, trail = NEC_SELECTED[c] if raw[0] >= 0xFA else raw
            lead = (lead - 0x81 if lead < 0xE0 else lead - 0xC1) * 2
            if trail >= 0x9F:
                lead, trail = lead + 1, trail - 0x9F
            else:
                trail = trail - 0x40 - (1 if trail > 0x7F else 0)
            wanted, body = b"\x1b$B", bytes([lead + 0x21, trail + 0x21])
        if wanted != mode:
            if mode == b"\x0e":
                out += b"\x0f"
                mode = b"\x1b(B"
            if wanted == b"\x0e" and mode != b"\x1b(B":
                out += b"\x1b(B"
            if wanted != mode:
                out += wanted
            mode = wanted
        out += body
    return out + {b"\x1b(B": b"", b"\x0e": b"\x0f"}.get(mode, b"\x1b(B")


def empty_runs(raw, rng):
    """Escapes that nothing stands between, as gateways leave them where they join pieces."""
    out, kanji, at = b"", False, 0
    while at < len(raw):
        if raw[at] == 0x1B:
            kanji = raw[at + 1:at + 2] == b"$"
            out += raw[at:at + 3]
            at += 3
            continue
        step = 2 if kanji else 1
        if rng.random() < 0.3:
            out += b"\x1b(B\x1b$B" if kanji else b"\x1b$B\x1b(B"
        out += raw[at:at + step]
        at += step
    return out


# --- What offices write -------------------------------------------------------------------------------------------------------

SUBJECTS = """会議
打合せ
御礼
資料
見積書
請求書
議事録
お知らせ
ご挨拶
お詫び
ご案内
照会
回答
依頼
通知
予算要求
人事異動
業務報告
工事契約書
入札結果
住民税について
会議のお知らせ
打ち合わせの件
資料送付の件
見積書の送付
請求書在中
お世話になります
ご確認ください
日程調整のお願い
年末調整について
出張報告書
休暇届
回覧
緊急連絡
災害対策本部
選挙管理委員会
令和８年度予算
第３回定例会
子育て支援課
総務部総務課
議会事務局
市長メッセージ
台風１９号
防災訓練
ＰＤＦ版
テスト
メール
データ
サーバー
システム
ネットワーク
パスワード
アンケート
メンテナンス
ゴミ収集カレンダー
ワクチン接種
インフルエンザ
マイナンバー
コピー機リース契約
ありがとうございました
よろしくお願いいたします
はい
いいえ
了解
承知しました
申請書の様式
能力表示ソ連十構貼暴予
表示ソフトの予定
①議題②日程
㈱山田商事 髙橋
№１２３ ㊤
㍻から令和へ
﨑山　德永　濵田
山﨑 髙島 栁田
第Ⅱ期工事
㎡単価 ㎏ ㌔
ｶﾀｶﾅ
ﾃｽﾄ送信
ﾔﾏﾀﾞ ﾀﾛｳ
ﾌﾘｶﾞﾅ ﾐｽﾞﾎｷﾞﾝｺｳ
振込ｶ)ﾔﾏﾀﾞｼｮｳｼﾞ
〒100-8111 東京都千代田区
〜重要〜 再送
A案－B案
１～１０
東京都
大阪府堺市
北海道札幌市中央区
鈴木一郎
佐藤花子
渡邉 齋藤
龍ヶ崎市
四條畷市役所
鰺ヶ沢町
罫線─│┌┐
々〆ヶヵ〇
※注意※
★☆◆◇
→参照
「重要」『至急』
（株）鈴木
！？
±×÷≠≦≧∞
αβγ ЖЗИ
""".strip().split("\n")

SENTENCES = """いつもお世話になっております。
平素より大変お世話になっております。
標記の件について、下記のとおりお知らせします。
添付ファイルをご確認のうえ、１０月３０日（金）までにご回答ください。
ご不明な点がございましたら、担当までお問い合わせください。
お忙しいところ恐れ入りますが、よろしくお願いいたします。
打合せの日程を調整したいので、ご都合のよい日時をお知らせください。
令和８年度当初予算編成方針について（通知）
入札参加資格審査申請書の提出期限は１１月２０日です。
会場：市役所本庁舎３階 第２会議室（定員24名）
TEL 03-1234-5678（内線2345） FAX 03-1234-5679
URL: https://www.city.example.lg.jp/soumu/index.html?id=12&p=~user
パスワードは別途ご連絡いたします。
本メールは送信専用のため、ご返信いただけません。
①議事録　②出席者名簿　③配付資料
㈱髙橋建設 営業部 山﨑様
住所：〒520-0044 大津市京町四丁目１番１号
ﾌﾘｶﾞﾅは半角ｶﾅで入力してください。
能力開発ソフトウェアの予算表（十二月分）を構内に貼り出しました。
「マイナンバーカード」の申請は、市民課窓口またはオンラインで受け付けています。
> 先日はありがとうございました。
>> 了解しました。資料の修正をお願いします。
─────────────────────
----- 総務課 文書係 -----
C:\\共有\\資料\\予算表.xlsx
""".strip().split("\n")

SUPPLEMENTARY = ["丂丄丅", "仡佉侂の字", "鷗外全集", "森鷗外記念館", "草彅", "倴俁偁儁"]
EMPHASIS = ["Re: ", "RE: ", "Fwd: ", "【至急】", "【再送】", "[ML:0123] ", "（回答）", "Re:Re: ", "お知らせ：", ""]
OTHERS = {
    "simplified": ["会议通知", "关于合同的说明", "您好,请查收附件。谢谢!", "中华人民共和国", "请于本周五之前回复。"],
    "traditional": ["會議通知", "關於合約的說明", "您好，請查收附件。謝謝！", "臺北市政府", "請於本週五之前回覆。"],
    "korean": ["회의 안내", "안녕하세요. 첨부 파일을 확인해 주십시오.", "계약서 송부", "대한민국 서울특별시", "감사합니다."],
    "western": ["Grüße aus Köln, schöne Tage für Sie", "Réunion à l'hôtel, déjà confirmée", "Niño, ¿cuándo llegará?", "naïve café"],
    "central": ["Příliš žluťoučký kůň úpěl", "Zażółć gęślą jaźń", "Árvíztűrő tükörfúrógép"],
    "cyrillic": ["Привет, это сообщение о встрече", "Договор во вложении. С уважением", "Повестка дня"],
    "greek": ["Καλημέρα, σας στέλνω το συμβόλαιο", "Πρόσκληση"],
    "turkish": ["İstanbul'da toplantı günü değişti", "Görüşmek üzere, teşekkürler"],
    "emoji": ["了解です😊", "🎉祝🎉", "葛󠄀城市と葛城市", "𠮷野家 𩸽", "👨‍👩‍👧"],
}


def texts(rng):
    """Subjects of 2 to some 20 characters, then texts of lines."""
    for subject in SUBJECTS:
        yield subject
    for _ in range(120):
        yield rng.choice(EMPHASIS) + rng.choice(SUBJECTS)
    for sentence in SENTENCES:
        yield sentence
    for _ in range(60):
        yield "\r\n".join(rng.choice(SENTENCES) for _ in range(rng.randrange(2, 9))) + "\r\n"


def emit(kind, label, raw, text):
    if raw is not None:
        print(kind, label, raw.hex(), text.encode("unicode_escape").decode(), sep="\t")


def japanese(text, rng):
    ascii_only = text.isascii()
    jis = codec(text, "iso2022_jp")
    for raw in (jis, iconv(text, "ISO-2022-JP")):
        if raw is None:
            continue
        emit("named", rng.choice(["iso-2022-jp", "ISO-2022-JP", "csISO2022JP", "jis", "cp50220"]), raw, text)
        if ascii_only:
            continue
        emit("bare", "", raw, text)
        emit("named", "iso-2022-jp", empty_runs(raw, rng), text)
        emit("named", "iso-2022-jp", raw.replace(b"\x1b$B", b"\x1b$@"), text)
        if raw.endswith(b"\x1b(B"):
            emit("named", "iso-2022-jp", raw[:-3], text)
            emit("bare", "", raw[:-3], text)
        if "\\" not in text and "~" not in text:
            emit("named", "iso-2022-jp", raw.replace(b"\x1b(B", b"\x1b(J"), text)
        for label in ("utf-8", "us-ascii", "shift_jis", "iso-8859-1", "euc-jp"):
            emit("wrong", label, raw, text)
    for name in ("iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_3", "iso2022_jp_2004", "iso2022_jp_ext"):
        emit("named", name.replace("iso2022_jp", "iso-2022-jp").replace("_", "-"), codec(text, name), text)
    for name in ("ISO-2022-JP-2", "ISO-2022-JP-3"):
        emit("named", name.lower(), iconv(text, name), text)
    emit("named", "cp50221", microsoft(text, "escape"), text)
    emit("bare", "", None if ascii_only else microsoft(text, "escape"), text)
    emit("named", "iso-2022-jp-ms", microsoft(text, "escape"), text)
    emit("named", "cp50222", microsoft(text, "shift"), text)
    emit("named", "iso-2022-jp", microsoft(text, "eight"), text)
    full = text.translate(FULL)
    emit("named", "cp50220", microsoft(full, "escape"), full)
    sjis = codec(text, "cp932")
    for raw in {sjis, iconv(text, "CP932"), codec(text, "shift_jis"), iconv(text, "SJIS")} - {None}:
        if b"\\" in raw.replace(b"C:\\", b"") and sjis != raw and sjis is not None:
            continue
        emit("named", rng.choice(["shift_jis", "cp932", "windows-31j", "x-sjis", "MS932", "Shift-JIS", "sjis"]), raw, text)
        if not ascii_only:
            emit("bare", "", raw, text)
            for label in ("utf-8", "iso-2022-jp", "us-ascii", "iso-8859-1", "euc-jp"):
                emit("wrong", label, raw, text)
    euc = [codec(text, "euc_jp"), iconv(text, "EUC-JP-MS"), iconv(text, "EUC-JP")]
    for raw in {raw for raw in euc if raw is not None}:
        emit("named", rng.choice(["euc-jp", "eucjp-ms", "x-euc-jp", "cp51932", "ujis", "EUC-JP"]), raw, text)
        if not ascii_only:
            emit("bare", "", raw, text)
            for label in ("utf-8", "iso-2022-jp", "iso-8859-1", "shift_jis"):
                emit("wrong", label, raw, text)
    utf8 = text.encode()
    emit("named", "utf-8", utf8, text)
    if not ascii_only:
        emit("bare", "", utf8, text)
        for label in ("iso-2022-jp", "shift_jis", "euc-jp", "us-ascii", "iso-8859-1", "gb2312"):
            emit("wrong", label, utf8, text)
    emit("named", "utf-8", b"\xef\xbb\xbf" + utf8, text)
    for name, label in (("utf_16", "utf-16"), ("utf_16_le", "utf-16le"), ("utf_16_be", "utf-16be"), ("utf_16_be", "utf-16")):
        emit("named", label, codec(text, name), text)
    emit("bare", "", codec(text, "utf_16"), text)
    emit("named", "utf-16", iconv(text, "UTF-16"), text)
    emit("named", "utf-7", codec(text, "utf_7"), text)
    emit("named", "UTF-7", iconv(text, "UTF-7"), text)


def main():
    rng = random.Random(20261121)
    for text in texts(rng):
        japanese(text, rng)
    for text in SUPPLEMENTARY:
        for raw, label in ((codec(text, "iso2022_jp_1"), "iso-2022-jp-1"), (codec(text, "iso2022_jp_ext"), "iso-2022-jp"),
                           (codec(text, "euc_jp"), "euc-jp"),
                           (iconv(text, "EUC-JP-MS"), "eucjp-ms")):
            emit("named", label, raw, text)
        emit("bare", "", codec(text, "iso2022_jp_1"), text)
    tables = {
        "simplified": [("gb2312", "GB2312", "gb2312"), ("gbk", "GBK", "gbk"), ("gb18030", "GB18030", "gb18030"), ("hz", None, "hz-gb-2312"),
                       ("gbk", "CP936", "cp936")],
        "traditional": [("big5", "BIG5", "big5"), ("cp950", "CP950", "cp950")],
        "korean": [("euc_kr", "EUC-KR", "euc-kr"), ("cp949", "CP949", "ks_c_5601-1987"), ("iso2022_kr", "ISO-2022-KR", "iso-2022-kr")],
        "western": [("latin_1", "ISO-8859-1", "iso-8859-1"), ("cp1252", "CP1252", "windows-1252"), ("iso8859_15", "ISO-8859-15", "iso-8859-15"),
                    ("mac_roman", "MACINTOSH", "macintosh")],
        "central": [("iso8859_2", "ISO-8859-2", "iso-8859-2"), ("cp1250", "CP1250", "windows-1250")],
        "cyrillic": [("koi8_r", "KOI8-R", "koi8-r"), ("koi8_u", "KOI8-U", "koi8-u"), ("iso8859_5", "ISO-8859-5", "iso-8859-5"),
                     ("cp1251", "CP1251", "windows-1251"), ("cp866", "CP866", "ibm866")],
        "greek": [("iso8859_7", "ISO-8859-7", "iso-8859-7"), ("cp1253", "CP1253", "windows-1253")],
        "turkish": [("iso8859_9", "ISO-8859-9", "iso-8859-9"), ("cp1254", "CP1254", "windows-1254")],
        "emoji": [],
    }
    for group, lines in OTHERS.items():
        for text in lines + [line + " " + lines[0] for line in lines]:
            for python, glibc, label in tables[group]:
                emit("named", label, codec(text, python), text)
                if glibc:
                    emit("named", label, iconv(text, glibc), text)
            emit("named", "utf-8", text.encode(), text)
            emit("named", "utf-7", codec(text, "utf_7"), text)
            emit("named", "utf-16", codec(text, "utf_16"), text)
            emit("bare", "", text.encode(), text)
            emit("wrong", "iso-2022-jp", text.encode(), text)


sys.stdout.reconfigure(encoding="ascii")
main()

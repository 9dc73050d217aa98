#!/usr/bin/env python3
"""Writes mails whose subjects, authors and file names are encoded as senders do it: mail in hex, subject, author's name, file name.

The bytes come from Python's codecs, the forms (RFC 2047, RFC 2231 and what is sent in their stead) are put together here, because a library
writes only the right ones; Python's own encoder is one of them.
"""
import base64
import email.header
import random
import sys
import urllib.parse

SUBJECTS = """会議
御礼
見積書の送付について
お世話になっております。資料をお送りします（総務課）
令和８年度当初予算編成方針について（通知）その１
【至急】ご確認ください
Re: 打合せの日程
能力表示ソフトの予定表
RE:Fwd:回答
A案とB案 (比較)
第３回定例会，議案
山田様“引用”
ＰＤＦ版
メール配信のお知らせ、次回のメンテナンスの日程とその影響の範囲
""".strip().split("\n")
FOREIGN = [("gb2312", "会议通知"), ("big5", "會議通知"), ("euc-kr", "회의 안내"), ("iso-8859-1", "Grüße aus Köln"),
           ("iso-8859-15", "Prix 5€ à l'hôtel"), ("koi8-r", "Привет всем"), ("windows-1251", "Договор"), ("utf-8", "了解です😊")]
NAMES = ["資料.pdf", "見積書（最終版）.xlsx", "能力表.doc", "議事録 2026.docx", "令和８年度当初予算編成方針について（通知）.pdf", "ソ.zip", "a b.txt",
         "名簿;一覧.csv"]
CODECS = {"iso-2022-jp": "iso2022_jp", "utf-8": "utf_8", "shift_jis": "cp932", "euc-jp": "euc_jp", "windows-31j": "cp932"}


def b(charset, raw):
    return f"=?{charset}?B?{base64.b64encode(raw).decode()}?="


def q(charset, raw):
    plain = lambda c: chr(c) if chr(c).isalnum() and c < 128 else "_" if c == 32 else f"={c:02X}"
    return f"=?{charset}?Q?{''.join(map(plain, raw))}?="


def pieces(text, size):
    return [text[at:at + size] for at in range(0, len(text), size)]


def words(text, charset, codec, rng):
    """Every way to write `text` in encoded-words of one charset, and raw."""
    raw = text.encode(codec)
    fold = rng.choice(["\r\n ", "\r\n\t", " ", "\r\n  "])
    yield b(charset, raw)
    yield q(charset, raw)
    yield b(charset.upper(), raw).replace("?B?", "?b?")
    yield b(charset + "*ja", raw)
    for size in (2, 5):
        yield fold.join(b(charset, piece.encode(codec)) for piece in pieces(text, size))
        yield fold.join(q(charset, piece.encode(codec)) for piece in pieces(text, size))
        # Nothing between the words.
        yield "".join(b(charset, piece.encode(codec)) for piece in pieces(text, size))
    # Bytes of a character in two words: forbidden and common.
    for size in (3, 7, 10):
        if len(raw) > size:
            yield fold.join(b(charset, piece) for piece in pieces(raw, size))
            yield fold.join(q(charset, piece) for piece in pieces(raw, size))
    # The base64 of the whole, cut anywhere.
    digits = base64.b64encode(raw).decode()
    for size in (7, 30):
        yield fold.join(f"=?{charset}?B?{piece}?=" for piece in pieces(digits, size))
    # No padding.
    yield f"=?{charset}?B?{digits.rstrip('=')}?="
    # An empty word before and after.
    yield f"=?{charset}?B??= " + b(charset, raw) + f" =?{charset}?Q??="
    yield raw
    if charset == "iso-2022-jp" and raw.endswith(b"\x1b(B"):
        yield raw[:-3]
    yield email.header.Header(text, charset if charset in ("iso-2022-jp", "utf-8", "euc-jp", "shift_jis") else "utf-8").encode(linesep="\r\n")


def percent(raw):
    return urllib.parse.quote_from_bytes(raw, safe="")


def parameters(name, charset, codec, rng):
    """Every way to say a file name: the whole of both fields after the media type and `attachment`."""
    raw = name.encode(codec)
    fold = rng.choice([";\r\n ", ";\r\n\t", "; ", ";"])
    quoted = lambda value: '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    yield "", f"{fold}filename*={charset}''{percent(raw)}"
    yield "", f"{fold}FILENAME*={charset.upper()}'ja'{percent(raw)}"
    # Segments, cut between bytes.
    for size in (3, 8):
        segments = [percent(piece) for piece in pieces(raw, size)]
        said = [f"filename*{at}*={charset + chr(39) * 2 if at == 0 else ''}{value}" for at, value in enumerate(segments)]
        yield "", "".join(fold + one for one in said)
        rng.shuffle(said)
        yield "", "".join(fold + one for one in said)
        # The later ones without their mark.
        bare = [one if at == 0 else one.replace("*=", "=", 1) for at, one in enumerate(
            f"filename*{at}*={charset + chr(39) * 2 if at == 0 else ''}{value}" for at, value in enumerate(segments))]
        if "%" in segments[-1] and all("%" in value for value in segments):
            yield "", "".join(fold + one for one in bare)
    # A plain last segment.
    stem, dot, extension = name.rpartition(".")
    yield "", f"{fold}filename*0*={charset}''{percent(stem.encode(codec))}{fold}filename*1={quoted(dot + extension)}"
    # Encoded-words, which are forbidden in parameters.
    for form in (b(charset, raw), q(charset, raw)):
        yield f"{fold}name={quoted(form)}", ""
        yield "", f"{fold}filename={quoted(form)}"
        if ";" not in form and "(" not in form:
            yield "", f"{fold}filename={form}"
    halves = [b(charset, piece.encode(codec)) for piece in pieces(name, 4)]
    folded = "\r\n ".join(halves)
    yield f"{fold}name={quoted(folded)}", ""
    yield "", f"{fold}filename={quoted(' '.join(halves))}"
    # Both: the extended form counts, the other is for old readers.
    ascii_name = "file." + extension
    yield "", f"{fold}filename={quoted(ascii_name)}{fold}filename*={charset}''{percent(raw)}"
    yield "", f"{fold}filename*={charset}''{percent(raw)}{fold}filename={quoted(ascii_name)}"
    yield f"{fold}name={quoted(b(charset, raw))}", f"{fold}filename*={charset}''{percent(raw)}"
    # Raw letters.
    if charset == "utf-8":
        yield "", (fold.encode() + b"filename=\"" + raw + b"\"")
        # Percent signs in a plain value mean themselves (RFC 2045); only what cannot be meant so is read as web programs write it.
        if not name.isascii():
            yield "", f"{fold}filename={quoted(percent(raw))}"
    else:
        # A second byte may be a quote or a backslash (能 and ソ in Shift_JIS).
        yield "", (fold.encode() + b"filename=\"" + raw + b"\"")


def octets(value):
    return value if isinstance(value, bytes) else value.encode("ascii")


def mail(subject, author, media, disposition, charset):
    return b"".join([
        b"Subject: ", octets(subject), b"\r\nFrom: ", octets(author), b" <a@example.jp>\r\nMIME-Version: 1.0\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=", octets(charset), b"\r\n\r\nx\r\n",
        b"--b\r\nContent-Type: application/octet-stream", octets(media), b"\r\nContent-Disposition: attachment", octets(disposition),
        b"\r\n\r\nx\r\n--b--\r\n"])


def main():
    rng = random.Random(5)
    forms = [(text, form, charset) for text in SUBJECTS for charset, codec in CODECS.items() if encodable(text, codec)
             for form in words(text, charset, codec, rng)]
    forms += [(text, form, charset) for charset, text in FOREIGN for form in words(text, charset, charset, rng)
              if not isinstance(form, bytes)]
    names = [(name, media, disposition) for name in NAMES for charset, codec in CODECS.items() if encodable(name, codec)
             for media, disposition in parameters(name, charset, codec, rng)]
    for at in range(max(len(forms), len(names))):
        subject, form, charset = forms[at % len(forms)]
        name, media, disposition = names[at % len(names)]
        # As an author: words stand without quotes and, wrongly, in them. Raw text with its specials goes only into the subject.
        author, shown = rng.choice(AUTHORS)
        print(mail(form, author, media, disposition, charset).hex(), *(text.encode("unicode_escape").decode() for text in (subject, shown, name)),
              sep="\t")


def encodable(text, codec):
    try:
        text.encode(codec)
        return True
    except UnicodeEncodeError:
        return False


AUTHORS = []
for _name in ("山田太郎", "総務課 佐藤", "㈱山田商事"):
    AUTHORS.append((b("utf-8", _name.encode()), _name))
    AUTHORS.append(('"' + b("utf-8", _name.encode()) + '"', _name))
    AUTHORS.append((b("shift_jis", _name.encode("cp932")), _name))
    AUTHORS.append((q("euc-jp", "山田".encode("euc_jp")) + "\r\n " + q("euc-jp", "花子".encode("euc_jp")), "山田花子"))
    AUTHORS.append(("Yamada " + b("iso-2022-jp", "太郎".encode("iso2022_jp")) + " (soumu)", "Yamada 太郎"))
    AUTHORS.append(("'" + b("utf-8", _name.encode()) + "'", _name))
    AUTHORS.append(('"' + "Yamada, Taro" + '"', "Yamada, Taro"))
    AUTHORS.append(('"' + "a \\\"b\\\" c" + '"', 'a "b" c'))

sys.stdout.reconfigure(encoding="ascii")
main()

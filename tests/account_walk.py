#!/usr/bin/env python3
"""Walks mails part by part with Python's own parser, and fails where a part is missing from the account of the rebuilt mail.

    tests/account_walk.py --misogi target/release/misogi --generate 1000 [--seed N]
    tests/account_walk.py --misogi target/release/misogi DIR

The first makes mails of all shapes, many of them broken. The second takes every file below DIR that Python reads as a mail. A part is
accounted for when its words stand in the text of the rebuilt mail, when a line of the account (an `X-Misogi-Part` field) is its own, or
when the account says what became of its kind, such as the other form of the same text. Exit code 1 when a part is missing, when the
account above the text has more than 12 lines, or when a field of the account breaks the rules for header fields.
"""
import argparse, base64, collections, email, email.header, email.policy, email.utils, html, io, json, pathlib, random, re, struct, subprocess, sys, tempfile
import unicodedata, urllib.parse, zipfile, zlib
from email import encoders
from email.header import Header
from email.mime.application import MIMEApplication
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

MOST_LINES = 12
# What of a mail is told by a word for its kind, and where such a word covers a part.
ALTERNATIVES = {"alternative_text", "alternatives_differ"}
TAKEN_APART = {"unwrapped", "shown_as_text"}
REPORTED = {"shown_as_text", "message_incomplete"}


# --- mails of all shapes -------------------------------------------------------------------------------------------------------------

def png():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"\0" + b"\1\2\3" * 2 + b"\0" + b"\4\5\6" * 2)) + chunk(b"IEND", b""))


def archive(token):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(f"中/{token}.txt", f"inside {token}\n")
    return out.getvalue()


class Maker:
    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.count = 0

    def token(self):
        self.count += 1
        return f"tok{self.count:06d}q"

    def name(self, token, extension):
        stem = self.dice.choice(["report {}", "見積書_{}", "{}", "ﾊﾝｶｸ{}", "a.b.{}", "{} (1)", "é{}", "表 計算{}"])
        return stem.format(token) + extension

    def disposition(self, part, name, kind="attachment"):
        way = self.dice.randrange(5)
        if way == 0:
            part.add_header("Content-Disposition", kind, filename=("utf-8", "", name))
        elif way == 1:
            part.add_header("Content-Disposition", kind)
            part.replace_header("Content-Disposition", f'{kind}; filename="{Header(name, "utf-8", maxlinelen=900).encode()}"')
        elif way == 2:
            part.set_param("name", name, charset="utf-8")
        elif way == 3:
            part.add_header("Content-Disposition", kind, filename=("iso-2022-jp", "ja", name)) if fits(name) else \
                part.add_header("Content-Disposition", kind, filename=("utf-8", "", name))
        else:
            part.add_header("Content-Disposition", kind, filename=name if name.isascii() else ("utf-8", "", name))

    def text(self, subtype=None):
        token = self.token()
        charset = self.dice.choice(["utf-8", "iso-2022-jp", "shift_jis", "us-ascii", "euc-jp"])
        words = "" if charset == "us-ascii" else "お世話になっております。"
        subtype = subtype or self.dice.choice(["plain", "plain", "html"])
        body = f"{words} words {token}\n second line\n"
        if subtype == "html":
            body = f"<html><body><h1>{words}</h1><p>words <b>{token}</b></p><img src='http://x.example/t.gif'></body></html>"
        return MIMEText(body, subtype, charset)

    def file(self):
        token = self.token()
        kind = self.dice.randrange(14)
        if kind == 0:
            part, end = MIMEText(f"file {token}\n", "plain", "utf-8"), ".txt"
        elif kind == 1:
            part, end = MIMEText(f"a,b\n{token},=1+1\n", "csv", "utf-8"), ".csv"
        elif kind == 2:
            part, end = MIMEImage(png(), "png"), ".png"
        elif kind == 3:
            part, end = MIMEApplication(archive(token), "zip"), ".zip"
        elif kind == 4:
            part, end = MIMEApplication(b"MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff" + token.encode(), "octet-stream"), ".exe"
        elif kind == 5:
            part, end = MIMEApplication(b"%PDF-1.4 " + token.encode(), "pdf"), ".pdf"
        elif kind == 6:
            part, end = MIMEText(f"<p>page {token}</p>", "html", "utf-8"), ".html"
        elif kind == 7:
            part, end = MIMEApplication(token.encode(), "pkcs7-mime"), ".p7m"
        elif kind == 8:
            event = (f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:{token}\r\nDTSTART:20261121T010000Z\r\n"
                     f"SUMMARY:event {token}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
            part, end = MIMEText(event, "calendar", "utf-8"), ".ics"
        elif kind == 9:
            part, end = MIMEText(f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{token}\r\nEND:VCARD\r\n", "vcard", "utf-8"), ".vcf"
        elif kind == 10:
            part, end = MIMEBase("message", "partial", id=token, number="1", total="2"), ""
            part.set_payload(f"Subject: {token}\r\n\r\nhalf\r\n")
        elif kind == 11:
            part, end = MIMEBase("message", "external-body", **{"access-type": "anon-ftp", "name": token}), ""
            part.set_payload("Content-Type: text/plain\r\n\r\n")
        elif kind == 12:
            part, end = MIMEApplication(self.dice.randbytes(300), "x-" + token), ".dat"
        else:
            part, end = MIMEBase("application", "octet-stream"), ""
            part.set_payload(base64.b64encode(b"\0\1\2" + token.encode()).decode()[:-2] + "!\n")
            part["Content-Transfer-Encoding"] = "base64"
            return part
        if end and self.dice.randrange(8):
            self.disposition(part, self.name(token, end))
        return part

    def tree(self, depth):
        kind = self.dice.randrange(9 if depth < 4 else 2)
        if kind == 0:
            return self.text()
        if kind == 1:
            return self.file()
        if kind == 2:
            both = MIMEMultipart("alternative")
            for part in [self.text("plain"), self.text("html")][self.dice.randrange(2):]:
                both.attach(part)
            return both
        if kind == 3:
            related = MIMEMultipart("related")
            related.attach(self.text("html"))
            picture = MIMEImage(png(), "png")
            picture.add_header("Content-ID", f"<{self.token()}@x>")
            related.attach(picture)
            return related
        if kind == 4:
            return MIMEMessage(self.mail(depth + 1))
        if kind == 5:
            digest = MIMEMultipart("digest")
            for _ in range(self.dice.randrange(3)):
                digest.attach(MIMEMessage(self.mail(depth + 2)))
            return digest
        if kind == 6:
            signed = MIMEMultipart("signed", protocol="application/pgp-signature")
            signed.attach(self.text("plain"))
            signed.attach(MIMEApplication(b"-----BEGIN PGP SIGNATURE-----", "pgp-signature", _encoder=encoders.encode_7or8bit))
            return signed
        mixed = MIMEMultipart("mixed")
        for _ in range(self.dice.randrange(5)):
            mixed.attach(self.tree(depth + 1))
        return mixed

    def mail(self, depth=0):
        if depth == 0 and self.dice.randrange(2):
            mail = MIMEMultipart("mixed")
            for _ in range(1 + self.dice.randrange(6)):
                mail.attach(self.tree(1))
        else:
            mail = self.tree(depth + 1)
            if isinstance(mail, MIMEMessage):
                outer = MIMEMultipart("mixed")
                outer.attach(mail)
                mail = outer
        mail["From"] = email.utils.formataddr(("佐藤", "sato@partner.example.co.jp"), "utf-8")
        mail["To"] = "staff@city.example.lg.jp"
        mail["Subject"] = Header(f"件名 {self.token()}", "utf-8")
        mail["Date"] = "Sat, 21 Nov 2026 09:12:00 +0900"
        return mail

    def bytes(self):
        raw = self.mail().as_bytes(policy=email.policy.compat32.clone(linesep="\r\n"))
        lines = raw.split(b"\r\n")
        # One in three is broken in some way.
        way = self.dice.randrange(24)
        if way == 0:
            raw = raw[: self.dice.randrange(len(raw) // 2, len(raw))]
        elif way == 1:
            raw = b"\r\n".join(line for line in lines if not (line.startswith(b"--") and line.endswith(b"--")))
        elif way == 2:
            raw = raw.replace(b"\r\n", b"\n")
        elif way == 3:
            raw = raw.replace(b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: x-unknown", 1)
        elif way == 4:
            raw = raw.replace(b"MIME-Version: 1.0\r\n", b"", 1)
        elif way == 5:
            raw = raw.replace(b"Content-Type: ", b"Content-Type:\r\n ")
        elif way == 6:
            raw = raw.replace(b'charset="utf-8"', b'charset="x-nonsense"')
        elif way == 7:
            raw = raw + b"\r\nbehind the end\r\n"
        return raw


def fits(name):
    try:
        name.encode("iso-2022-jp")
        return True
    except UnicodeEncodeError:
        return False


# --- what Python sees, and what the account says -------------------------------------------------------------------------------------

def squeeze(text):
    return re.sub(r"[\s\u3000]+", "", unicodedata.normalize("NFKC", text))


def words_of(part):
    payload = part.get_payload(decode=True) or b""
    raw = re.sub(r"\s", "", part.get_payload() if isinstance(part.get_payload(), str) else "").encode("ascii", "ignore")
    if raw and raw == re.sub(rb"\s", b"", payload) and str(part.get("Content-Transfer-Encoding", "")).strip().lower() == "base64":
        # Python gives what it cannot decode as it is; of base64 that is cut off, the whole groups can be read.
        letters = re.sub(rb"[^A-Za-z0-9+/]", b"", payload)
        payload = base64.b64decode(letters[: len(letters) // 4 * 4])
    # A text may end in the midst of a character.
    ways = [(part.get_content_charset(), cut) for cut in range(4)] + [(name, 0) for name in ("utf-8", "cp932", "euc_jp", "iso2022_jp")]
    for charset, cut in ways:
        try:
            text = payload[: len(payload) - cut].decode(charset)
            break
        except (LookupError, UnicodeDecodeError, TypeError):
            continue
    else:
        text = payload.decode("latin-1")
    if part.get_content_subtype() in ("html", "enriched", "richtext"):
        # What is not closed goes on to the end, as in a browser.
        text = re.sub(r"(?is)<(script|style|title)\b.*?(</\1>|\Z)|<!--.*?-->", " ", text)
        text = re.sub(r"<[^>]*>", "\n", text)
        text = html.unescape(text)
    return text


class Leaf:
    def __init__(self, part, path, alternative):
        self.part, self.path, self.alternative = part, path, alternative
        self.type = part.get_content_type()
        try:
            # Senders put encoded words into parameters, which Python leaves as they are.
            self.name = part.get_filename() and str(email.header.make_header(email.header.decode_header(part.get_filename())))
        except (ValueError, LookupError):
            self.name = "?"
        # What says that it has parts and has none is text.
        is_text = self.type in ("text/plain", "text/html", "text/enriched", "text/richtext") or self.type.startswith("multipart/")
        self.is_text = is_text and not self.name and part.get_content_disposition() != "attachment"

    def __str__(self):
        return f"{'.'.join(map(str, self.path))} {self.type} {self.name or ''}"


def leaves(message, path=(), alternative=False):
    """The parts with content. Mails in the mail are leaves too: their own parts are in their own accounts."""
    if message.is_multipart() and message.get_content_maintype() != "message":
        inside = alternative or message.get_content_subtype() == "alternative"
        for index, part in enumerate(message.get_payload()):
            yield from leaves(part, path + (index + 1,), inside)
        return
    yield Leaf(message, path, alternative)


def account(mail):
    """(changes, parts, total) of a rebuilt mail."""
    changes = {word.split(":")[0].strip() for field in mail.get_all("X-Misogi-Changes", []) for word in field.split(",")}
    parts = []
    for field in mail.get_all("X-Misogi-Part", []):
        pairs = dict(pair.strip().split("=", 1) for pair in field.replace("\n", "").replace("\r", "").split("; "))
        pairs["name"] = urllib.parse.unquote(pairs["name*"].split("''", 1)[1])
        parts.append(pairs)
    total = re.search(r"total=(\d+)", mail.get("X-Misogi-Parts", "total=0"))
    return changes, parts, int(total[1])


def check(original, rebuilt, faults, where):
    """Faults of one mail; mails in the mail are compared with the rebuilt ones in their order."""
    changes, parts, total = account(rebuilt)
    check_form(rebuilt, faults, where)
    body = next((p for p in rebuilt.walk() if p.get_content_type() == "text/plain"), None)
    text = squeeze(body.get_payload(decode=True).decode("utf-8", "replace")) if body else ""
    top = [part for part in parts if "." not in part["path"]]
    everything = changes | {word.split(":")[0].strip() for part in parts for word in part.get("changes", "").split(",")}
    free = list(top)
    # A signature has no line of its own, but a word for each.
    signatures = sum(int(count) for count in re.findall(r"signature:(\d+)", " ".join(rebuilt.get_all("X-Misogi-Changes", []))))
    unnamed = []
    mails = []
    for leaf in leaves(original):
        if leaf.type in ("message/rfc822", "message/global") and leaf.part.is_multipart():
            mails.append(leaf)
        if leaf.is_text and said(leaf, text, changes):
            continue
        if leaf.type in ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature") and signatures:
            signatures -= 1
            continue
        # Told in the text itself, or in place of it.
        if not leaf.name and told_by_kind(leaf, text, everything):
            continue
        name = squeeze(leaf.name or "").lower()
        own = next((part for part in free if name and alike(squeeze(part["name"]).lower(), name)), None)
        if own:
            free.remove(own)
        elif leaf.type.startswith("text/") and re.search(r"tok\d{6}q", words_of(leaf.part)) and said(leaf, text, set()):
            # A text with a name that is not called an attachment.
            continue
        else:
            unnamed.append(leaf)
    for leaf in unnamed:
        # A part without a name, or whose name was made anew: one line of the account for each.
        if free:
            free.pop(0)
        elif len(parts) < total:
            total -= 1
        elif told_by_kind(leaf, text, everything):
            continue
        else:
            faults.append(f"{where}: {leaf} is missing; changes {sorted(changes)}; parts {[p['name'] for p in top]}")
    inner = [leaf.part for leaf in leaves(rebuilt) if leaf.type == "message/rfc822"] if mails else []
    if len(inner) == len(mails):
        for leaf, part in zip(mails, inner):
            if "message/rfc822" == part.get_content_type() and part.is_multipart():
                check(inner_mail(leaf.part), part.get_payload(0), faults, f"{where} > {leaf}")


def inner_mail(part):
    """The mail in a message/rfc822. RFC 2046 forbids base64 there, some send it, and Python takes it for the text of the mail."""
    inside = part.get_payload(0)
    if str(part.get("Content-Transfer-Encoding", "")).strip().lower() == "base64" and not inside.keys():
        return email.message_from_bytes(base64.b64decode(inside.get_payload()))
    return inside


def alike(ours, theirs):
    """Names are made safe: signs go, extensions follow the content."""
    plain = lambda name: re.sub(r"[^\w]", "", name.rsplit(".", 1)[0])
    return bool(plain(theirs)) and (plain(ours)[:40] == plain(theirs)[:40])


def said(leaf, text, changes):
    words = words_of(leaf.part)
    tokens = re.findall(r"tok\d{6}q", words)
    if tokens:
        return all(token in text for token in tokens) or (leaf.alternative and bool(changes & ALTERNATIVES))
    lines = [squeeze(line)[:30] for line in words.splitlines()]
    lines = [line for line in lines if len(line) >= 4]
    if not lines or any(line in text for line in lines):
        return True
    pieces = [squeeze(piece) for piece in re.split(r"[\W_]+", words)]
    pieces = [piece for piece in pieces if len(piece) >= 4]
    known = sum(piece in text for piece in pieces)
    return 2 * known >= len(pieces) or (leaf.alternative and bool(changes & ALTERNATIVES))


def told_by_kind(leaf, text, changes):
    kind = leaf.type
    if not (leaf.part.get_payload(decode=True) or b"").strip() and not leaf.part.is_multipart():
        return True
    if kind in ("application/ms-tnef", "application/pkcs7-mime", "application/x-pkcs7-mime") or leaf.name == "winmail.dat":
        return bool(changes & TAKEN_APART)
    if kind in ("text/calendar", "text/vcard", "text/x-vcard", "text/directory", "message/delivery-status"):
        return bool(changes & REPORTED) or said(leaf, text, changes)
    return leaf.type.startswith(("text/", "message/")) and said(leaf, text, changes)


def check_form(mail, faults, where):
    raw = [(name, value) for name, value in mail.raw_items() if name.startswith("X-Misogi-")] \
        if hasattr(mail, "raw_items") else list(mail.items())
    size = 0
    for name, value in raw:
        if not name.startswith("X-Misogi-"):
            continue
        size += len(name) + len(value) + 4
        if not value.isascii() or any(len(line) > 998 for line in value.splitlines()):
            faults.append(f"{where}: {name} is no proper field")
    if size > 20_000:
        faults.append(f"{where}: the fields of the account have {size} bytes")
    body = next((p for p in mail.walk() if p.get_content_type() == "text/plain"), None)
    lines = (body.get_payload(decode=True) or b"").decode("utf-8", "replace").splitlines() if body else []
    if lines and lines[0].startswith("―― ") and "無害化" in lines[0]:
        rule = next((i for i, line in enumerate(lines) if i and set(line) == {"―"}), None)
        if rule is None or rule + 1 > MOST_LINES:
            faults.append(f"{where}: the account has {(rule or 0) + 1} lines")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("directory", type=pathlib.Path, nargs="?")
    arguments.add_argument("--misogi", default="target/release/misogi")
    arguments.add_argument("--generate", type=int, default=0)
    arguments.add_argument("--seed", type=int, default=20261121)
    arguments.add_argument("--keep", type=pathlib.Path, help="keep mails and results here")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = given.keep or pathlib.Path(temporary)
        mails, out = work / "in", work / "out"
        mails.mkdir(parents=True)
        if given.generate:
            maker = Maker(given.seed)
            for number in range(given.generate):
                (mails / f"m{number:05d}.eml").write_bytes(maker.bytes())
        else:
            found = [path for path in sorted(given.directory.rglob("*")) if path.is_file() and path.suffix != ".tsv"]
            for number, path in enumerate(found):
                raw = path.read_bytes()
                if email.message_from_bytes(raw).keys():
                    (mails / f"m{number:05d}.eml").write_bytes(raw)
        run = subprocess.run([given.misogi, "sanitize", mails, "-o", out, "--json"], capture_output=True, timeout=3600)
        reports = [json.loads(line) for line in run.stdout.splitlines()]
        faults, count, parts, withheld = [], 0, 0, collections.Counter()
        for report in reports:
            path = pathlib.Path(report["input"])
            original = email.message_from_bytes(path.read_bytes())
            parts += sum(1 for _ in original.walk())
            count += 1
            if report["verdict"] == "withheld":
                # Nothing of it arrives, and the notice says why.
                if not report["findings"]:
                    faults.append(f"{path.name}: withheld without a reason")
                else:
                    withheld[report["findings"][0]["reason"]] += 1
                continue
            if report["output_type"] != "message/rfc822":
                withheld["read as " + str(report["output_type"])] += 1
                continue
            rebuilt = email.message_from_bytes(pathlib.Path(report["output"]).read_bytes())
            check(original, rebuilt, faults, path.name)
        if count != len(list(mails.iterdir())):
            faults.append(f"{len(list(mails.iterdir()))} mails, {count} reports: {run.stderr.decode(errors='replace')[-500:]}")
        print(f"{count} mails with {parts} parts; whole mails withheld or read as something else: {dict(withheld)}; {len(faults)} faults")
        for fault in faults[:50]:
            print(fault)
        sys.exit(1 if faults or count == 0 else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Nothing visible is lost: the words that another parser sees in HTML stand in the text that is made of it, in the same order.

    cargo build --workspace --example html_text
    python3 tests/html_words.py target/debug/examples/html_text FILE_OR_DIRECTORY...

HTML files are taken as they are; of mails every text/html part. The other parser is Python's html.parser, which knows nothing of style
sheets; what is hidden by the style of an element itself is left out here too, all else must be there. Words are compared without blanks,
because how blocks are parted is a matter of taste. Prints each file that lost words, with the first of them; exit code 1 if any did.
"""

import email
import email.policy
import html.parser
import os
import re
import subprocess
import sys
import tempfile
import unicodedata

SKIPPED = {"script", "style", "title", "head", "template", "iframe", "noembed", "noframes", "canvas", "datalist", "rp", "applet", "object"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*[01](px|pt|\b)|opacity\s*:\s*0(\.0+)?\s*(;|$)|"
    r"max-height\s*:\s*0|(left|top|text-indent)\s*:\s*-\d{3,}|color\s*:\s*(#fff\b|#ffffff|white)",
    re.I,
)


class Words(html.parser.HTMLParser):
    """The characters that a browser would show, without blanks."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open = []
        self.pieces = []

    def hides(self):
        return any(hidden for _, hidden in self.open)

    def handle_starttag(self, tag, attributes):
        if tag in VOID:
            return
        attributes = {name: value or "" for name, value in attributes}
        hidden = tag in SKIPPED or "hidden" in attributes or bool(HIDING.search(attributes.get("style", "")))
        hidden = hidden or attributes.get("color", "").lower() in ("white", "#ffffff", "#fff")
        if tag == "body":
            # An unclosed head does not hide the body.
            self.open = [entry for entry in self.open if entry[0] not in ("head", "title")]
        self.open.append((tag, hidden))

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        for at in range(len(self.open) - 1, -1, -1):
            if self.open[at][0] == tag:
                del self.open[at:]
                return

    def handle_data(self, data):
        if not self.hides():
            self.pieces.append(data)

    def words(self):
        return [word for piece in self.pieces for word in letters(piece).split()]


def letters(text):
    """Letters and digits, everything else a blank; what scrubbing removes or changes makes no difference."""
    text = "".join(c for c in text if unicodedata.category(c) != "Cf" and not 0xFDD0 <= ord(c) <= 0xFDEF)
    return re.sub(r"[\W_]+", " ", text)


def html_parts(path):
    with open(path, "rb") as file:
        content = file.read()
    if path.lower().endswith((".html", ".htm", ".xhtml")):
        yield content.decode("utf-8", "replace")
        return
    try:
        mail = email.message_from_bytes(content, policy=email.policy.compat32)
        parts = list(mail.walk())
    except Exception as error:
        print(f"{path}: Python cannot read it: {error}", file=sys.stderr)
        return
    for part in parts:
        if part.get_content_type() not in ("text/html", "application/xhtml+xml"):
            continue
        try:
            payload = part.get_payload(decode=True) or b""
            yield payload.decode(part.get_content_charset() or "utf-8", "replace")
        except (LookupError, ValueError):
            yield payload.decode("latin-1")


def lost(source, text):
    """Words of the source that the text does not have where they should stand."""
    parser = Words()
    parser.feed(source)
    parser.close()
    have = letters(text).replace(" ", "")
    missing, at = [], 0
    for word in parser.words():
        found = have.find(word, at)
        # Cells of a table may stand in another order than their lines.
        if found < 0 and have.find(word) < 0:
            missing.append(word)
        elif found >= 0 and found - at < 2000:
            at = found
    return missing, len(parser.words())


def main():
    program, *given = sys.argv[1:]
    paths = []
    for path in given:
        if os.path.isdir(path):
            paths += sorted(os.path.join(path, name) for name in os.listdir(path))
        else:
            paths.append(path)
    files = words = bad = 0
    with tempfile.TemporaryDirectory() as directory:
        for path in paths:
            if not os.path.isfile(path):
                continue
            for number, source in enumerate(html_parts(path)):
                piece = os.path.join(directory, "piece.html")
                with open(piece, "w", encoding="utf-8", errors="replace") as file:
                    file.write(source)
                ran = subprocess.run([program, "--words", piece], capture_output=True, timeout=60, check=True)
                text = ran.stdout.decode("utf-8").split("\n", 1)[1]
                missing, total = lost(source, text)
                files, words = files + 1, words + total
                if missing:
                    bad += 1
                    print(f"{path} part {number}: {len(missing)} of {total} words lost, first: {missing[:8]}")
    print(f"{files} texts, {words} words, {bad} texts with losses")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Runs `misogi sanitize` over a directory of real files and says what became of them.

    tests/corpus.py DIR [--misogi target/release/misogi] [--keep OUT] [--show]

DIR holds one folder per category. If it holds EXPECT.tsv (path, japanese, subject, body_source, body_first_200, attachments,
python_notes), the mails are compared with it: subject, beginning of the text, attachment names. What another reader had to guess, or
left undecoded, is counted apart (`doubtful`). Exit code 1 when the gateway's
program ended abnormally, gave no report on an input, or a room crashed; withheld files are no failure, they are counted by reason.
"""
import argparse, collections, csv, email, email.policy, json, pathlib, re, subprocess, sys, tempfile, time

CRASHES = {"room_crash", "room_policy_kill", "room_protocol", "form_invalid", "room_killed"}


def reports_of(misogi, category, out):
    run = subprocess.run([misogi, "sanitize", category, "-o", out, "--json"], capture_output=True, timeout=1800)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    return run.returncode, lines, run.stderr.decode(errors="replace")


def every(report):
    yield report
    for child in report["children"]:
        yield from every(child)


def squeeze(text):
    return re.sub(r"\s+", "", text)


def unescape(text):
    return re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), text.replace("\\n", "\n").replace("\\t", "\t"))


def alike(expected, found):
    """Whether a text stands in another. JIS has characters with two readings each in Unicode, and pictures of mobile phones are private
    characters to other readers, or none."""
    twins = str.maketrans("～－∥￠￡￢", "〜−‖¢£¬")
    pattern = "".join(".{0,3}" if "\ue000" <= c <= "\uf8ff" or c == "\ufffd" else re.escape(c) for c in squeeze(expected).translate(twins))
    return re.search(pattern, squeeze(found).translate(twins)) is not None


def missing_names(names, report):
    """Names of attachments that no part has: signatures that were told to be removed aside, and mails in mails, whose name is their subject."""
    parts = list(every(report))
    found = [part["input"] for part in parts]
    signed = any(f["reason"].startswith("signature") for part in parts for f in part["findings"])
    mails = sum(part["detected_type"] == "mail" for part in parts[1:])
    gone = [n for n in names if n not in found and not (signed and n.endswith((".asc", ".p7s"))) and n != "[message/rfc822]"]
    return gone + ["[message/rfc822]"] * max(0, names.count("[message/rfc822]") - mails)


def compare(expected, report, show):
    """Names of what differs from the expectation."""
    mail = email.message_from_bytes(pathlib.Path(report["output"]).read_bytes(), policy=email.policy.default)
    body = mail.get_body(("plain",))
    text = body.get_content() if body else ""
    differs = []
    if not alike(unescape(expected["subject"]), mail["subject"] or "") or bool(expected["subject"]) != bool(mail["subject"]):
        differs.append("subject")
        if show:
            print(f"    subject  expected {expected['subject']!r}\n             found    {mail['subject']!r}")
    start = squeeze(unescape(expected["body_first_200"]))[:80]
    if start and not alike(start, text):
        differs.append("text")
        if show:
            print(f"    text     expected {start!r}\n             found    {squeeze(text)[:160]!r}")
    names = [name.strip() for name in expected["attachments"].split("|") if name.strip()]
    found = [part["input"] for part in every(report)]
    if missing_names(names, report):
        differs.append("names")
        if show:
            print(f"    names    expected {names}\n             found    {found}")
    if expected["python_notes"] or "\x1b" in unescape(expected["body_first_200"]) or "\ufffd" in expected["attachments"]:
        return ["doubtful: " + what for what in differs]
    return differs


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("directory", type=pathlib.Path)
    arguments.add_argument("--misogi", default="target/release/misogi")
    arguments.add_argument("--keep", type=pathlib.Path)
    arguments.add_argument("--show", action="store_true", help="print every difference and every crash")
    options = arguments.parse_args()
    out = options.keep or pathlib.Path(tempfile.mkdtemp(prefix="misogi-corpus-"))
    expected = {}
    if (options.directory / "EXPECT.tsv").exists():
        with open(options.directory / "EXPECT.tsv", newline="") as lines:
            expected = {row["path"]: row for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)}
    bad = False
    agreement, compared = collections.Counter(), 0
    print(f"{'category':16} {'files':>5} {'sanitised':>9} {'withheld':>8} {'crashed':>7} {'slowest ms':>10}  reasons withheld")
    for category in sorted(path for path in options.directory.iterdir() if path.is_dir()):
        files = [path for path in category.rglob("*") if path.is_file()]
        started = time.monotonic()
        code, reports, complaints = reports_of(options.misogi, category, out / category.name)
        if code not in (0, 1) or len(reports) != len(files):
            print(f"{category.name}: exit code {code}, {len(reports)} reports on {len(files)} files\n{complaints[-2000:]}")
            bad = True
        reasons, crashed = collections.Counter(), []
        for report in reports:
            if report["verdict"] == "withheld":
                reasons[report["findings"][0]["reason"]] += 1
            crashed += [(report["input"], f["reason"]) for part in every(report) for f in part["findings"] if f["reason"] in CRASHES]
        sanitised = sum(report["verdict"] == "sanitised" for report in reports)
        slowest = max((report["millis"] for report in reports), default=0)
        told = ", ".join(f"{name} {count}" for name, count in reasons.most_common())
        print(f"{category.name:16} {len(files):5} {sanitised:9} {len(reports) - sanitised:8} {len(crashed):7} {slowest:10}  {told}"
              f"  ({time.monotonic() - started:.1f} s)")
        for path, reason in crashed:
            bad = True
            print(f"    {reason}: {path}")
        for report in reports:
            row = expected.get(str(pathlib.Path(report["input"]).relative_to(options.directory)))
            if row and report["verdict"] == "sanitised" and report["detected_type"] == "mail":
                compared += 1
                if options.show:
                    print(f"  {report['input']}  [{row['python_notes']}]")
                for difference in compare(row, report, options.show) or ["agrees"]:
                    agreement[difference] += 1
    if compared:
        print(f"\n{compared} mails compared with EXPECT.tsv: {dict(agreement)}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()

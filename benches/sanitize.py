#!/usr/bin/env python3
"""`misogi sanitize` over small mails and small files: inputs per second and processor time for each.

    benches/sanitize.py [--count 1000] [--rounds 3] [--misogi target/release/misogi]

One process, default policy, rooms as shipped. `parsemail` is the same mails read by Python's email package without any sandbox, in
the same round, as a yardstick for the machine.
"""
import argparse, pathlib, shutil, statistics, subprocess, sys, tempfile, time, resource


def mail(number):
    words = "見積書を添付のとおり送付いたしますので、ご確認ください。" * 8
    body = f"<html><body><p>No. {number}</p><p>{words}</p><a href='https://example.jp/{number}'>link</a></body></html>"
    charset = ("utf-8", "iso-2022-jp", "shift_jis")[number % 3]
    head = (f"From: =?utf-8?B?5bGx55Sw?= <a{number}@example.jp>\r\nTo: staff@city.example.lg.jp\r\nSubject: test {number}\r\n"
            f"Date: Sat, 21 Nov 2026 09:00:00 +0900\r\nMessage-ID: <{number}@example.jp>\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: text/{'html' if number % 2 else 'plain'}; charset={charset}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
    return head.encode() + (body if number % 2 else words).encode(charset)


def run(command):
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode:
        sys.exit(f"{command[0]}: exit code {done.returncode}: {done.stderr.decode()[-500:]}")
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


READER = """import sys, email, email.policy, pathlib
for path in pathlib.Path(sys.argv[1]).iterdir():
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    message.get_body().get_content()
"""


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--count", type=int, default=1000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--misogi", default="target/release/misogi")
    options = arguments.parse_args()
    root = pathlib.Path(tempfile.mkdtemp(prefix="misogi-sanitize-"))
    for kind in ("mails", "texts"):
        (root / kind).mkdir()
    for number in range(options.count):
        (root / "mails" / f"{number}.eml").write_bytes(mail(number))
        (root / "texts" / f"{number}.txt").write_bytes("一行目\n二行目\n".encode("cp932") * 20)
    results = {}
    try:
        for number in range(options.rounds):
            # A directory of its own each time: ext4 is slow to make files where others were just deleted.
            out = root / f"out-{number}"
            for name, command in (
                ("mails", [options.misogi, "sanitize", root / "mails", "-o", out, "--json"]),
                ("texts", [options.misogi, "sanitize", root / "texts", "-o", out, "--json"]),
                ("parsemail", [sys.executable, "-c", READER, root / "mails"]),
            ):
                results.setdefault(name, []).append(run(command))
        print(f"{options.count} inputs, median of {options.rounds} rounds (start of the program included)")
        print(f"{'what':12} {'inputs/s':>9} {'CPU ms each':>12}")
        for name, runs in results.items():
            wall, cpu = (statistics.median(values) for values in zip(*runs))
            print(f"{name:12} {options.count / wall:9.0f} {1000 * cpu / options.count:12.3f}")
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()

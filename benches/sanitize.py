#!/usr/bin/env python3
"""`misogi sanitize` over small mails and small files: inputs per second, and processor time for each: of all processes, and of the
rooms with their zygotes.

    benches/sanitize.py [--count 1000] [--rounds 3] [--misogi target/release/misogi]

One process, default policy, rooms as shipped. `mails` are plain text and HTML by turns, `textmails` the plain ones. `parsemail`
is the same mails read by Python's email package without any sandbox, in the same round, as a yardstick for the machine.
"""
import argparse, os, pathlib, shutil, statistics, subprocess, sys, tempfile, time, resource


def mail(number):
    words = "見積書を添付のとおり送付いたしますので、ご確認ください。" * 8
    body = f"<html><body><p>No. {number}</p><p>{words}</p><a href='https://example.jp/{number}'>link</a></body></html>"
    charset = ("utf-8", "iso-2022-jp", "shift_jis")[number % 3]
    head = (f"From: =?utf-8?B?5bGx55Sw?= <a{number}@example.jp>\r\nTo: staff@city.example.lg.jp\r\nSubject: test {number}\r\n"
            f"Date: Sat, 21 Nov 2026 09:00:00 +0900\r\nMessage-ID: <{number}@example.jp>\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: text/{'html' if number % 2 else 'plain'}; charset={charset}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
    return head.encode() + (body if number % 2 else words).encode(charset)


def own_time(pid):
    """Seconds of processor time of a process without its children; 0 when it is gone."""
    try:
        fields = pathlib.Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(command):
    """Seconds that pass, of processor time of all processes, and of that of the first one."""
    before, start, own = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic(), 0
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        while process.poll() is None:
            own = max(own, own_time(process.pid))
            time.sleep(0.01)
        if process.returncode:
            said.seek(0)
            sys.exit(f"{command[0]}: exit code {process.returncode}: {said.read().decode()[-500:]}")
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, own


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
    for kind in ("mails", "textmails", "texts"):
        (root / kind).mkdir()
    for number in range(options.count):
        (root / "mails" / f"{number}.eml").write_bytes(mail(number))
        (root / "textmails" / f"{number}.eml").write_bytes(mail(2 * number))
        (root / "texts" / f"{number}.txt").write_bytes("一行目\n二行目\n".encode("cp932") * 20)
    results = {}
    try:
        for number in range(options.rounds):
            # A directory of its own each time: ext4 is slow to make files where others were just deleted.
            out = root / f"out-{number}"
            for name, command in (
                ("mails", [options.misogi, "sanitize", root / "mails", "-o", out, "--json"]),
                ("textmails", [options.misogi, "sanitize", root / "textmails", "-o", out, "--json"]),
                ("texts", [options.misogi, "sanitize", root / "texts", "-o", out, "--json"]),
                ("parsemail", [sys.executable, "-c", READER, root / "mails"]),
            ):
                results.setdefault(name, []).append(run(command))
        print(f"{options.count} inputs, median of {options.rounds} rounds (start of the program included)")
        print(f"{'what':12} {'inputs/s':>9} {'CPU ms each':>12} {'of the rooms':>13}")
        for name, runs in results.items():
            wall, cpu, own = (statistics.median(values) for values in zip(*runs))
            each = 1000 / options.count
            print(f"{name:12} {options.count / wall:9.0f} {each * cpu:12.3f} {each * (cpu - own):13.3f}")
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Mails of about 50 MB through a running gateway: what each costs its process in memory.

    benches/large_mail.py [--megabytes 49] [--misogi target/release/misogi]

The gateway is warmed with small mails, then gets, one after another, a text, a ZIP of texts, a picture and bytes of no kind, and delivers
each into a maildir. `peak MB` is how far the most that the gateway's process had in memory (VmHWM) during that mail exceeds the most that it
had before; rooms are processes of their own, and what the largest of them had is printed beside. Processor time is that of the process tree.
"""
import argparse, base64, io, os, pathlib, random, shutil, smtplib, subprocess, sys, tempfile, threading, time, zipfile, zlib

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from relay import free_port, tree_cpu, wait_port

HEAD = "From: a@example.jp\r\nTo: staff@city.example.lg.jp\r\nSubject: {}\r\nMessage-ID: <{}@example.jp>\r\nMIME-Version: 1.0\r\n"
LINE = "市民課からのお知らせです。来月の行事の案内をお送りします。The programme of next month follows below.\r\n"


def small(number):
    return (HEAD.format("small", f"small{number}") + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + LINE * 10).encode()


def text(size):
    line = LINE.encode()
    return (HEAD.format("text", "text") + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n").encode() + line * (size // len(line))


def attached(name, kind, content):
    head = HEAD.format(name, name) + 'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n' + LINE
    part = f'\r\n--b\r\nContent-Type: {kind}; name="{name}"\r\nContent-Disposition: attachment; filename="{name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    return (head + part).encode() + base64.encodebytes(content).replace(b"\n", b"\r\n") + b"\r\n--b--\r\n"


def texts(size):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for number in range(8):
            archive.writestr(f"{number}.txt", LINE * (size // 8 // len(LINE.encode())))
    return attached("texts.zip", "application/zip", out.getvalue())


def picture(size):
    """A PNG of noise, whose pixels take nearly what its file takes."""
    width = 4000
    height = size // (3 * width)
    noise = random.Random(1)
    rows = b"".join(b"\0" + noise.randbytes(3 * width) for _ in range(height))
    chunk = lambda kind, data: len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)
    header = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 2, 0, 0, 0])
    return attached("noise.png", "image/png", b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


def status(pid, name):
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


class Largest:
    """The most that one process below another had, looked at twenty times a second."""

    def __init__(self, root):
        self.root, self.most, self.ended = root, 0.0, False
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self):
        while not self.ended:
            parents = {}
            for entry in os.listdir("/proc"):
                if entry.isdigit():
                    parents.setdefault(int(status(entry, "PPid") * 1024), []).append(int(entry))
            open_ = list(parents.get(self.root, []))
            while open_:
                pid = open_.pop()
                self.most = max(self.most, status(pid, "VmHWM"))
                open_ += parents.get(pid, [])
            time.sleep(0.05)

    def close(self):
        self.ended = True
        self.thread.join()
        return self.most


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--megabytes", type=int, default=49)
    arguments.add_argument("--misogi", default="target/release/misogi")
    options = arguments.parse_args()
    root = pathlib.Path(tempfile.mkdtemp(prefix="misogi-large-"))
    port, portal, admin = free_port(), free_port(), free_port()
    (root / "misogi.toml").write_text(f"""data = "{root}/data"
[smtp]
listen = "127.0.0.1:{port}"
hostname = "bench.test"
[portal]
listen = "127.0.0.1:{portal}"
[admin]
listen = "127.0.0.1:{admin}"
[delivery]
next_hop = "maildir:{root}/mail"
[log]
level = "warn"
""")
    arrived = lambda: len(list((root / "mail").glob("**/new/*")))
    with open(root / "log", "wb") as log:
        gateway = subprocess.Popen([options.misogi, "serve", "--config", root / "misogi.toml"], stdout=subprocess.DEVNULL, stderr=log)
    try:
        wait_port(port)

        def send(mail):
            count, end = arrived(), time.monotonic() + 600
            with smtplib.SMTP("127.0.0.1", port, timeout=600) as session:
                session.sendmail("a@example.jp", ["staff@city.example.lg.jp"], mail)
            while arrived() == count:
                if time.monotonic() > end or gateway.poll() is not None:
                    sys.exit("no mail came out: " + (root / "log").read_text()[-1000:])
                time.sleep(0.05)

        for number in range(50):
            send(small(number))
        warm = status(gateway.pid, "VmHWM")
        print(f"gateway's process after 50 small mails: {warm:.1f} MB")
        print(f"{'mail':12} {'MB':>6} {'CPU s':>6} {'peak MB':>8} {'largest room MB':>16}")
        size = options.megabytes * 1_000_000
        encoded = size * 57 // 78 - 100_000
        for name, mail in (("text", text(size)), ("ZIP of texts", texts(encoded)), ("picture", picture(encoded)),
                           ("no kind", attached("noise.bin", "application/octet-stream", random.Random(2).randbytes(encoded)))):
            # The kernel begins to watch for the most anew.
            pathlib.Path(f"/proc/{gateway.pid}/clear_refs").write_text("5")
            cpu, largest = tree_cpu([gateway.pid]), Largest(gateway.pid)
            send(mail)
            room = largest.close()
            print(f"{name:12} {len(mail) / 1e6:6.1f} {tree_cpu([gateway.pid]) - cpu:6.2f} {status(gateway.pid, 'VmHWM') - warm:8.1f} {room:16.0f}")
    finally:
        gateway.terminate()
        gateway.wait()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()

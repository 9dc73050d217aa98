#!/usr/bin/env python3
"""The staff portal under load, over HTTP, with a gateway of its own.

    benches/portal.py load  [--clients 200] [--bytes 5000000] [--rounds 3] [--misogi target/release/misogi]
    benches/portal.py pages [--count 30] [--pages 10] [--misogi target/release/misogi]

`load` sends so many files at the same moment, each from a client address of its own (127.1.x.y), as the plain form does, and says how
many were taken, how long that took, and the peak of the gateway's memory after each round; whatever is refused or not finished makes it
fail. `pages` sends a PDF of ten pages of text through the API, asks until it is finished, fetches the safe file, and prints the median
from the first byte sent to the last byte received.
"""
import argparse, asyncio, json, os, pathlib, re, shutil, socket, statistics, subprocess, sys, tempfile, time

BOUNDARY = "----misogi-bench"


class Gateway:
    """`misogi serve` in a directory of its own, on free ports."""

    def __init__(self, program, limit):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="misogi-portal-"))
        ports = []
        for _ in range(3):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                ports.append(probe.getsockname()[1])
        smtp, self.port, admin = ports
        config = self.root / "misogi.toml"
        config.write_text(f'data = "{self.root}/data"\n[smtp]\nlisten = "127.0.0.1:{smtp}"\nhostname = "bench.test"\n'
                          f'[portal]\nlisten = "127.0.0.1:{self.port}"\nmax_file_bytes = {limit}\n[admin]\nlisten = "127.0.0.1:{admin}"\n')
        self.log = open(self.root / "log", "wb")
        self.process = subprocess.Popen([program, "serve", "--config", config], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    sys.exit((self.root / "log").read_text())
                time.sleep(0.1)
        sys.exit("the gateway does not answer")

    def memory(self, what="VmRSS"):
        """Resident memory in MB, now or (VmHWM) at its peak; of the gateway itself, not of its rooms."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{what}:\s+(\d+)", status)[1]) / 1024

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        shutil.rmtree(self.root, ignore_errors=True)


async def ask(port, method, path, headers=(), body=b"", source="127.0.0.1"):
    """One request on a connection of its own; status, header and body of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close", f"Content-Length: {len(body)}", *headers]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
    for at in range(0, len(body), 65536):
        writer.write(body[at:at + 65536])
        await writer.drain()
    answer = await reader.read()
    writer.close()
    head, _, rest = answer.partition(b"\r\n\r\n")
    head = head.decode("latin-1")
    if "transfer-encoding: chunked" in head.lower():
        whole = b""
        while True:
            size, _, rest = rest.partition(b"\r\n")
            if not int(size, 16):
                break
            whole, rest = whole + rest[:int(size, 16)], rest[int(size, 16) + 2:]
        rest = whole
    return int(head.split(" ")[1]), head, rest


def multipart(name, content, token=None):
    field = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="form_token"\r\n\r\n{token}\r\n' if token else ""
    head = f'{field}--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


KIND = f"Content-Type: multipart/form-data; boundary={BOUNDARY}"


async def one_upload(port, number, content):
    source = f"127.1.{number // 250}.{number % 250 + 1}"
    status, head, page = await ask(port, "GET", "/", source=source)
    cookie = re.search(r"set-cookie: ([^;]+)", head, re.I)[1]
    token = re.search(rb'name="form_token" value="([0-9a-f]{64})"', page)[1].decode()
    yield
    body = multipart(f"{number}.bin", content, token)
    started = time.monotonic()
    status, head, _ = await ask(port, "POST", "/upload", [KIND, f"Cookie: {cookie}"], body, source)
    place = re.search(r"location: (/b/[0-9a-f]{32})", head, re.I)
    yield status, place and place[1], time.monotonic() - started


async def load(options):
    gateway = Gateway(options.misogi, 50 << 20)
    failed = 0
    try:
        print(f"{options.clients} clients at once, {options.bytes / 1e6:.1f} MB each; memory before: {gateway.memory():.0f} MB")
        for number in range(options.rounds):
            uploads = [one_upload(gateway.port, client, os.urandom(options.bytes)) for client in range(options.clients)]
            await asyncio.gather(*(anext(upload) for upload in uploads))
            started = time.monotonic()
            done = await asyncio.gather(*(anext(upload) for upload in uploads))
            took = time.monotonic() - started
            taken = [place for status, place, _ in done if status == 303 and place]
            waits = sorted(wait for _, _, wait in done)
            finished = 0
            for place in taken:
                for _ in range(6000):
                    _, _, text = await ask(gateway.port, "GET", f"{place}/status")
                    if not json.loads(text)["pending"]:
                        finished += 1
                        break
                    await asyncio.sleep(0.05)
            failed += options.clients - finished
            refused = sorted({status for status, _, _ in done} - {303})
            print(f"round {number + 1}: {len(taken)} taken in {took:.1f} s ({len(taken) * options.bytes / 1e6 / took:.0f} MB/s), "
                  f"slowest {waits[-1]:.1f} s, {finished} finished; memory at most {gateway.memory('VmHWM'):.0f} MB so far, now {gateway.memory():.0f} MB"
                  + (f"; refused with {refused}" if refused else ""))
    finally:
        gateway.stop()
    if failed:
        sys.exit(f"{failed} uploads failed")


def pdf(pages):
    """A PDF of text in a standard font, written by hand."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>",
               f"<< /Type /Pages /Count {pages} /Kids [{' '.join(f'{4 + 2 * n} 0 R' for n in range(pages))}] >>",
               "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    for page in range(pages):
        lines = "".join(f"(Page {page + 1}, line {line + 1}: the quick brown fox jumps over the lazy dog.) Tj T*\n" for line in range(45))
        content = f"BT /F1 11 Tf 14 TL 60 780 Td\n{lines}ET"
        objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * page} 0 R >>")
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    out, places = b"%PDF-1.7\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{text}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    return out + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n".encode()


async def pages(options):
    gateway = Gateway(options.misogi, 50 << 20)
    try:
        times = []
        for number in range(options.count + 1):
            body = multipart("ten.pdf", pdf(options.pages))
            started = time.monotonic()
            status, _, text = await ask(gateway.port, "POST", "/api/v1/files", [KIND], body)
            if status != 202:
                sys.exit(f"not taken: {status}")
            at = "/api/v1/files/" + json.loads(text)["id"]
            while True:
                state = json.loads((await ask(gateway.port, "GET", at))[2])
                if state["verdict"]:
                    break
                await asyncio.sleep(0.01)
            if state["verdict"] != "sanitised":
                sys.exit(f"withheld: {(await ask(gateway.port, 'GET', at + '/report'))[2].decode()}")
            status, _, safe = await ask(gateway.port, "GET", at + "/result")
            took = time.monotonic() - started
            if status != 200 or not safe.startswith(b"%PDF-"):
                sys.exit(f"no safe file: {status}")
            # The first one finds rooms and page cache cold.
            if number:
                times.append(took)
        times.sort()
        print(f"PDF of {options.pages} pages, {len(body) / 1024:.0f} KB, upload to safe file over HTTP, {len(times)} times: "
              f"p50 {1000 * statistics.median(times):.0f} ms, p95 {1000 * times[int(len(times) * 0.95) - 1]:.0f} ms, "
              f"fastest {1000 * times[0]:.0f} ms")
    finally:
        gateway.stop()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = arguments.add_subparsers(dest="what", required=True)
    for name, numbers in (("load", {"clients": 200, "bytes": 5_000_000, "rounds": 3}), ("pages", {"count": 30, "pages": 10})):
        command = what.add_parser(name)
        command.add_argument("--misogi", default="target/release/misogi")
        for key, value in numbers.items():
            command.add_argument(f"--{key}", type=int, default=value)
    options = arguments.parse_args()
    asyncio.run(load(options) if options.what == "load" else pages(options))


if __name__ == "__main__":
    main()

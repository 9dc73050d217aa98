"""A web site for the tests of ICAP: gives out the files of a directory, and keeps what is sent to it.

icap_origin.py PORT FILES KEPT
"""

import gzip
import http.server
import pathlib
import sys
import time
import urllib.parse

FILES, KEPT = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "zip": "application/zip",
    "jpg": "image/jpeg",
    "txt": "text/plain; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "css": "text/css",
}


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, *fields):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.write(body, b"%s")

    def write(self, body, frame):
        """Squid before 6.10 stalls where a site is faster than the service (its bug 5352): no faster than a network."""
        for start in range(0, len(body), 8192):
            piece = body[start : start + 8192]
            self.wfile.write(frame % ((len(piece), piece) if b"%x" in frame else piece))
            if start >= 32768:
                time.sleep(0.01)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        name = url.path.lstrip("/")
        if name == "away":
            return self.answer(302, b"<script>moved()</script>", ("Location", "/pages.pdf"), ("Content-Type", "text/html"))
        file = FILES / name
        if "/" in name or not file.is_file():
            return self.answer(404, b"<script>missing()</script>", ("Content-Type", "text/html"))
        body = file.read_bytes()
        kind = TYPES.get(name.rsplit(".", 1)[-1], "application/octet-stream")
        fields = [("Content-Type", kind), ("ETag", '"original"'), ("Accept-Ranges", "bytes"), ("Content-MD5", "AAAA")]
        asked = self.headers.get("Range")
        if asked and asked.startswith("bytes="):
            first, last = asked[6:].split("-")
            fields.append(("Content-Range", f"bytes {first}-{last}/{len(body)}"))
            return self.answer(206, body[int(first) : int(last) + 1], *fields)
        if url.query == "gzip" and "gzip" in self.headers.get("Accept-Encoding", "gzip"):
            return self.answer(200, gzip.compress(body), ("Content-Encoding", "gzip"), *fields)
        if url.query == "save":
            name = urllib.parse.quote("見積 " + name)
            fields.append(("Content-Disposition", f"attachment; filename*=UTF-8''{name}"))
        if url.query == "chunked":
            self.send_response(200)
            for name, value in fields:
                self.send_header(name, value)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.write(body, b"%x\r\n%s\r\n")
            return self.wfile.write(b"0\r\n\r\n")
        return self.answer(200, body, *fields)

    do_HEAD = do_GET

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        number = len(list(KEPT.glob("*.body")))
        (KEPT / f"{number}.head").write_text(str(self.headers))
        (KEPT / f"{number}.body").write_bytes(body)
        self.answer(204, b"")

    do_PUT = do_POST

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


Server(("127.0.0.1", int(sys.argv[1])), Site).serve_forever()

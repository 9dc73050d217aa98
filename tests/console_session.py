"""Sessions as a browser without JavaScript has them: forms, and of the admin console set-up link, password and second factor (RFC 6238)."""

import base64
import hashlib
import hmac
import html
import http.cookiejar
import re
import struct
import time
import urllib.error
import urllib.parse
import urllib.request


class Browser:
    """Whoever visits a site."""

    def __init__(self, site):
        self.site = site
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def get(self, path):
        return self._open(urllib.request.Request(self.site + path))

    def post(self, path, **fields):
        """Posts a form with the token of the page before."""
        fields["form_token"] = self.token()
        return self._open(urllib.request.Request(self.site + path, urllib.parse.urlencode(fields).encode()))

    def post_file(self, path, fields, name, content):
        boundary = "----misogi"
        fields = [("form_token", self.token()), *fields]
        body = b"".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode() for key, value in fields
        )
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        body += content + f"\r\n--{boundary}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self._open(urllib.request.Request(self.site + path, body, kind))

    def token(self):
        return re.search(r'name="form_token" value="([^"]*)"', self.page)[1]

    def text(self):
        """The page in words."""
        return html.unescape(re.sub(r"<[^>]*>", " ", self.page))

    def _open(self, request):
        try:
            with self.opener.open(request, timeout=120) as answer:
                self.status, raw = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            self.status, raw = error.code, error.read()
        self.raw = raw
        self.page = raw.decode()
        return self.page


class Console(Browser):
    """The first administrator, made through the set-up link and signed in."""

    def __init__(self, link, name="kanri01", password="correct horse battery"):
        super().__init__(re.match(r"http://[^/]+", link)[0])
        self.get(link[len(self.site):])
        self.post(link[len(self.site):], name=name, password=password, again=password)
        self.get("/sign-in")
        self.post("/sign-in", name=name, password=password)
        self.get("/account/second-factor")
        secret = re.search(r'id="secret">([^<]+)<', self.page)[1].replace(" ", "")
        self.post("/account/second-factor", code=totp(base64.b32decode(secret + "=" * (-len(secret) % 8))))


def totp(secret):
    digest = hmac.new(secret, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7fffffff) % 10**6:06}"

"""Starts a gateway, makes its first administrator and a key as a person does, and has schemathesis call every operation."""

import base64
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

import requests
from openapi_spec_validator import OpenAPIV31SpecValidator

# The same requests each time, in bounded time.
SEED = "20261121"
EXAMPLES = os.environ.get("MISOGI_EXAMPLES", "60")
LONGEST = 600
PASSWORD = "correct horse battery staple"
# What each listener serves.
TAGS = {
    "portal": ["files", "requests"],
    "console": ["quarantine", "messages", "audit", "users", "tenants", "webhooks", "system", "requests"],
}
# Of what both serve: one asks on the portal and decides on the console.
ELSEWHERE = {"portal": ["approveRequest", "returnRequest"], "console": ["askForOriginal"]}


def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Gateway:
    def __init__(self, program, directory):
        self.portal, self.console, smtp = port(), port(), port()
        secret = os.path.join(directory, "secret")
        with open(secret, "w") as file:
            file.write("whsec_" + base64.b64encode(os.urandom(32)).decode())
        config = os.path.join(directory, "misogi.toml")
        with open(config, "w") as file:
            file.write(
                f'data = "{directory}/data"\n[smtp]\nlisten = "127.0.0.1:{smtp}"\n'
                f'[portal]\nlisten = "127.0.0.1:{self.portal}"\naccess = "accounts"\n'
                f'[admin]\nlisten = "127.0.0.1:{self.console}"\n[office]\nlibreoffice = false\n'
                f'[[webhooks]]\nname = "itsm"\nurl = "http://127.0.0.1:{port()}/hook"\n'
                f'events = ["file.completed"]\nsecret_file = "{secret}"\nnetworks = ["127.0.0.0/8"]\n'
            )
        self.log = open(os.path.join(directory, "log"), "w+")
        self.process = subprocess.Popen(
            [program, "serve", "--config", config, "--accept-unsandboxed"],
            stdout=subprocess.PIPE, stderr=self.log, text=True,
        )

    def invitation(self):
        for line in self.process.stdout:
            if "first administrator" in line:
                return line.rsplit(" ", 1)[1].strip()
        self.log.seek(0)
        sys.exit("the gateway did not start:\n" + self.log.read())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


def token(page):
    return re.search(r'name="form_token" value="([0-9a-f]{64})"', page.text).group(1)


def submit(session, url, **fields):
    page = session.get(url)
    return session.post(url, data={"form_token": token(page), **fields})


def code(secret):
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    start = digest[19] & 15
    return f"{(struct.unpack('>I', digest[start:start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def key(gateway, link):
    """A key for everything, made as an administrator makes it."""
    at = f"http://127.0.0.1:{gateway.console}"
    session = requests.Session()
    submit(session, link, name="kanri01", password=PASSWORD, again=PASSWORD)
    submit(session, f"{at}/sign-in", name="kanri01", password=PASSWORD)
    page = session.get(f"{at}/account/second-factor")
    secret = re.search(r'id="secret">([^<]+)<', page.text).group(1).replace(" ", "")
    session.post(f"{at}/account/second-factor", data={"form_token": token(page), "code": code(secret)})
    page = session.get(f"{at}/account/keys")
    scopes = re.findall(r'type="checkbox" name="([a-z]+)"', page.text)
    made = session.post(
        f"{at}/account/keys",
        data={"form_token": token(page), "name": "schemathesis", "days": "30", **{scope: "on" for scope in scopes}},
    )
    return re.search(r"misogi_[0-9a-f]{64}", made.text).group(0)


def seed(gateway, key):
    """A safe file, one that is withheld, and what they leave in the lists."""
    at, headers = f"http://127.0.0.1:{gateway.portal}/api/v1/files", {"Authorization": f"Bearer {key}"}
    ids = []
    for name, content in [("memo.txt", b"hello"), ("setup.exe", b"MZ" + bytes(200))]:
        taken = requests.post(at, headers=headers, files={"file": (name, content)})
        taken.raise_for_status()
        ids.append(taken.json()["id"])
    until = time.time() + 60
    while any(requests.get(f"{at}/{one}", headers=headers).json()["state"] != "done" for one in ids):
        if time.time() > until:
            sys.exit("the files were not rebuilt")
        time.sleep(0.2)
    return ids[0]


def described(gateway):
    """The description, valid by another program, the same on both listeners, and about every operation that is tested."""
    both = [requests.get(f"http://127.0.0.1:{at}/api/v1/openapi.json").json() for at in (gateway.portal, gateway.console)]
    assert both[0] == both[1], "the two listeners describe different interfaces"
    document = both[0]
    assert document["openapi"].startswith("3.1"), document["openapi"]
    OpenAPIV31SpecValidator(document).validate()
    known = {tag for tags in TAGS.values() for tag in tags}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert set(operation["tags"]) <= known, f"{method} {path} is called on no listener"
    return document


def call(gateway, key, site, document, directory, file_id):
    at = gateway.portal if site == "portal" else gateway.console
    document = json.loads(json.dumps(document))
    for path, methods in list(document["paths"].items()):
        kept = {name: operation for name, operation in methods.items() if operation["operationId"] not in ELSEWHERE[site]}
        document["paths"][path] = kept
    # Real names beside the generated ones.
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                example = {"/api/v1/files/{id}": file_id}.get(path[:18]) if parameter["name"] == "id" else None
                if parameter["name"] == "name" and parameter["in"] == "path":
                    example = "itsm"
                if parameter["name"] == "id" and example is None:
                    example = 1
                if example is not None and parameter["in"] == "path":
                    parameter["example"] = example
    described = os.path.join(directory, "openapi.json")
    with open(described, "w") as file:
        json.dump(document, file)
    settings = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schemathesis.toml")
    command = [
        os.path.join(os.path.dirname(sys.executable), "st"), "--config-file", settings, "run", described, "--url", f"http://127.0.0.1:{at}",
        "--header", f"Authorization: Bearer {key}",
        "--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES, "--seed", SEED, "--request-timeout", "30",
        "--continue-on-failure", "--no-color", "--generation-database", "none", "--no-shrink",
    ]
    for tag in TAGS[site]:
        command += ["--include-tag", tag]
    return subprocess.run(command, cwd=directory, timeout=LONGEST).returncode


def main():
    program = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as directory:
        gateway = Gateway(program, directory)
        try:
            made = key(gateway, gateway.invitation())
            file_id = seed(gateway, made)
            document = described(gateway)
            ended = [call(gateway, made, site, document, directory, file_id) for site in TAGS]
        finally:
            left = gateway.stop()
        assert left == 0, f"the gateway ended with {left}"
        sys.exit(max(ended))


main()

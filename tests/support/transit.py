"""A stand-in for the Transit engine of Vault and OpenBao: their documented API, errors and real AES-256-GCM.

Endpoints below ``/v1/``: ``sys/health``, ``<mount>/keys/<name>`` (read), ``…/rotate``, ``…/config``,
``<mount>/encrypt/<name>``, ``<mount>/decrypt/<name>``. Behaviour and texts follow OpenBao 2's
``builtin/logical/transit`` and ``sdk/helper/keysutil/policy.go``.
"""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


@dataclass
class Key:
    """A named key: one AES key per version, the first being version 1."""

    versions: list[bytes] = field(default_factory=lambda: [os.urandom(32)])
    type: str = "aes256-gcm96"
    min_decryption_version: int = 1
    exportable: bool = False


@dataclass
class Transit:
    """The state of the stand-in; tests change it while it runs.

    :param policies: token → what it may do: ``encrypt``, ``decrypt``, ``keys`` (read), ``create`` (make missing keys)
    :param fail_next: HTTP status with which the next requests are answered, one each
    :param delay: seconds before each answer
    """

    mount: str = "transit"
    keys: dict[str, Key] = field(default_factory=dict)
    policies: dict[str, set[str]] = field(default_factory=dict)
    namespace: str = ""
    sealed: bool = False
    delay: float = 0.0
    fail_next: list[int] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    def rotate(self, name: str) -> None:
        """Add a version, as ``POST <mount>/keys/<name>/rotate`` does."""
        self.keys[name].versions.append(os.urandom(32))

    def answer(self, method: str, path: str, headers: dict[str, str], body: dict[str, Any]) -> tuple[int, dict]:
        """Status and JSON for one request."""
        parts = path.strip("/").split("/")
        self.requests.append((method, path))
        if self.delay:
            time.sleep(self.delay)
        if self.fail_next:
            status = self.fail_next.pop(0)
            return status, _errors("internal error" if status >= 500 else "refused")
        if parts[:1] != ["v1"]:
            return 404, _errors()
        if parts[1:] == ["sys", "health"]:
            return (503 if self.sealed else 200), {"initialized": True, "sealed": self.sealed, "standby": False}
        if self.sealed:
            return 503, _errors("Vault is sealed")
        policy = self.policies.get(headers.get("x-vault-token", ""))
        if policy is None:
            return 403, _errors("permission denied")
        mount = self.mount.split("/")
        if parts[1 : 1 + len(mount)] != mount or headers.get("x-vault-namespace", "") != self.namespace:
            route = "/".join(parts[1:])
            return 404, _errors(f'no handler for route "{route}". route entry not found.')
        operation, _, name = "/".join(parts[1 + len(mount) :]).partition("/")
        if operation not in policy:
            return 403, _errors("1 error occurred:\n\t* permission denied\n\n")
        if operation == "keys" and method == "GET":
            return self._read(name)
        if operation == "encrypt" and method in ("POST", "PUT"):
            return self._encrypt(name, body, "create" in policy)
        if operation == "decrypt" and method in ("POST", "PUT"):
            return self._decrypt(name, body)
        return 405, _errors("unsupported operation")

    def _read(self, name: str) -> tuple[int, dict]:
        key = self.keys.get(name)
        if key is None:
            return 404, _errors()
        return 200, _data(
            name=name,
            type=key.type,
            latest_version=len(key.versions),
            min_decryption_version=key.min_decryption_version,
            exportable=key.exportable,
            allow_plaintext_backup=False,
            deletion_allowed=False,
            supports_encryption=True,
        )

    def _encrypt(self, name: str, body: dict[str, Any], may_create: bool) -> tuple[int, dict]:
        if name not in self.keys:
            if not may_create:
                return 400, _errors("encryption key not found")
            self.keys[name] = Key()
        key = self.keys[name]
        if "plaintext" not in body:
            return 400, _errors("missing plaintext to encrypt")
        try:
            plaintext = base64.b64decode(body["plaintext"], validate=True)
            aad = base64.b64decode(body.get("associated_data", ""), validate=True)
        except ValueError:
            return 400, _errors("illegal base64 data at input byte 0")
        if aad and key.type != "aes256-gcm96":
            return 400, _errors(f"'[0].associated_data' provided for non-AEAD cipher suite {key.type}")
        version, nonce = len(key.versions), os.urandom(12)
        sealed = nonce + AESGCM(key.versions[-1]).encrypt(nonce, plaintext, aad)
        text = f"vault:v{version}:{base64.b64encode(sealed).decode()}"
        return 200, _data(ciphertext=text, key_version=version)

    def _decrypt(self, name: str, body: dict[str, Any]) -> tuple[int, dict]:
        key = self.keys.get(name)
        ciphertext = body.get("ciphertext") or ""
        if not ciphertext:
            return 400, _errors("missing ciphertext to decrypt")
        if key is None:
            return 400, _errors("encryption key not found")
        if not ciphertext.startswith("vault:v"):
            return 400, _errors("invalid ciphertext: no prefix")
        number, colon, text = ciphertext.removeprefix("vault:v").partition(":")
        if not colon:
            return 400, _errors("invalid ciphertext: wrong number of fields")
        if not number.isdigit():
            return 400, _errors("invalid ciphertext: version number could not be decoded")
        version = int(number) or 1
        if version > len(key.versions):
            return 400, _errors("invalid ciphertext: version is too new")
        if version < key.min_decryption_version:
            return 400, _errors("ciphertext or signature version is disallowed by policy (too old)")
        try:
            sealed = base64.b64decode(text, validate=True)
            aad = base64.b64decode(body.get("associated_data", ""), validate=True)
        except ValueError:
            return 400, _errors("invalid ciphertext: could not decode base64")
        if len(sealed) < 12:
            return 400, _errors("invalid ciphertext length")
        try:
            plaintext = AESGCM(key.versions[version - 1]).decrypt(sealed[:12], sealed[12:], aad)
        except (InvalidTag, ValueError):
            return 400, _errors("cipher: message authentication failed")
        return 200, _data(plaintext=base64.b64encode(plaintext).decode())


def _errors(*texts: str) -> dict:
    return {"errors": list(texts)}


def _data(**values: Any) -> dict:
    return {
        "request_id": "00000000-0000-4000-8000-000000000000",
        "lease_id": "",
        "renewable": False,
        "lease_duration": 0,
        "data": values,
        "wrap_info": None,
        "warnings": None,
        "auth": None,
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet per answer

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            body = json.loads(raw) if raw else {}
        except ValueError:
            body = {}
        status, answer = self.server.state.answer(self.command, self.path, headers, body)  # type: ignore[attr-defined]
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if 300 <= status < 400:
            self.send_header("Location", "http://127.0.0.1:1/v1/")
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = _serve

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def transit() -> Iterator[Transit]:
    """A stand-in on a free port of this machine, with a key ``pii`` on the mount ``transit``."""
    state = Transit(keys={"pii": Key()}, policies={"s.usual-token": {"encrypt", "decrypt", "keys"}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.state = state  # type: ignore[attr-defined]
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""Transit of HashiCorp Vault or OpenBao as the holder of the master key.

``POST /v1/<mount>/encrypt/<key>`` and ``…/decrypt/<key>`` with the key id as ``associated_data`` (Vault 1.9, OpenBao
2.0; https://openbao.org/api-docs/secret/transit/). ``rewrap`` takes no associated data, so re-wrapping is a decryption
and an encryption here. The token needs ``update`` on these two paths; ``read`` on ``keys/<key>`` lets the check say
more. It must not have ``create`` on ``encrypt/*``: Transit would make a missing key by itself, and a typing error would
become a master key that nobody knows of.
"""

from __future__ import annotations

import base64
import logging
import os
import re
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import KeyStoreUnsafe, MasterKeyUnavailable, MasterKeyWrong
from ..posix import explain, private_file, read_all
from ..secret import KEY_BYTES, Secret
from .base import Wrapped
from .http import check_url

if TYPE_CHECKING:
    import httpx

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_CIPHERTEXT = re.compile(r"vault:v([1-9][0-9]{0,8}):[A-Za-z0-9+/=]{1,512}")
_CONNECT_SECONDS, _SECONDS = 5.0, 10.0
_SEALED = 503
#: What Transit says when a ciphertext does not open, as opposed to a request it does not like.
_DOES_NOT_OPEN = ("authentication failed", "unable to decrypt", "invalid ciphertext")


class TransitWrapper:
    """A :class:`~.base.Wrapper` on one key of a Transit mount.

    :param url: ``https://host:8200/<mount>/<key>``; http only on this machine
    :param token: called before each request, because agents renew tokens in place (:func:`token_source`)
    :param namespace: of Vault Enterprise or OpenBao
    :param ca_file: certificates to trust instead of the system's
    :raises MasterKeyUnavailable: httpx is not installed
    :raises KeyStoreUnsafe: not such a URL, or without TLS
    """

    name = "transit"

    def __init__(
        self, url: str, token: Callable[[], str], *, namespace: str | None = None, ca_file: str | None = None
    ) -> None:
        try:
            import httpx  # noqa: PLC0415 - only who uses Transit needs it
        except ImportError:
            raise MasterKeyUnavailable("the master key is at Transit, which needs httpx: pip install httpx") from None
        self._httpx = httpx
        parts = check_url(url)
        *mount, key = parts.path.strip("/").split("/")
        if not mount or parts.query or parts.fragment or not all(_NAME.fullmatch(part) for part in (*mount, key)):
            raise KeyStoreUnsafe("the master key at Transit has to be named https://host:port/mount/key")
        self._base = f"{parts.scheme}://{parts.netloc}/v1/{'/'.join(mount)}"
        self._key = key
        self._place = f"{'/'.join(mount)}/{key}"
        self._host = parts.netloc
        self._token = token
        self._headers = {"X-Vault-Request": "true"} | ({"X-Vault-Namespace": namespace} if namespace else {})
        self._ca_file = ca_file
        self._client: httpx.Client | None = None
        self._client_pid = 0
        for library in ("httpx", "httpcore"):
            logging.getLogger(library).setLevel(logging.WARNING)

    def __repr__(self) -> str:
        return f"<master key {self._place} at {self._host}>"

    def current_label(self) -> str:
        return self.wrap("check", Secret(os.urandom(KEY_BYTES))).label

    def opens(self, label: str) -> bool:
        return label.rpartition(":v")[0] == f"{self.name}:{self._place}"

    def wrap(self, key_id: str, secret: Secret) -> Wrapped:
        body = {"plaintext": base64.b64encode(secret.expose()).decode("ascii"), "associated_data": _aad(key_id)}
        ciphertext = self._post("encrypt", key_id, body, "ciphertext")
        found = _CIPHERTEXT.fullmatch(ciphertext)
        if not found:
            raise MasterKeyUnavailable(f"{self._host} answered with something that is no ciphertext of Transit", key_id)
        return Wrapped(f"{self.name}:{self._place}:v{found[1]}", ciphertext.encode("ascii"))

    def unwrap(self, key_id: str, wrapped: Wrapped) -> Secret:
        body = {"ciphertext": wrapped.blob.decode("ascii", "replace"), "associated_data": _aad(key_id)}
        try:
            return Secret(base64.b64decode(self._post("decrypt", key_id, body, "plaintext"), validate=True))
        except ValueError:
            pass
        raise MasterKeyWrong(f"the master key {self._place} at {self._host} returned no 256-bit key", key_id)

    def check(self) -> None:
        """Also refuses a key that may be exported in clear, if the token may ask."""
        probe = Secret(os.urandom(KEY_BYTES))
        if self.unwrap("check", self.wrap("check", probe)) != probe:
            raise MasterKeyWrong(f"the master key {self._place} at {self._host} does not open what it wrapped")
        response = self._request("GET", f"{self._base}/keys/{self._key}", None)
        if response.status_code == 200:
            about = self._data(response, None)
            if about.get("exportable") or about.get("allow_plaintext_backup"):
                raise KeyStoreUnsafe(
                    f"the master key {self._place} may be exported in clear; make one that is not exportable"
                )

    def _post(self, operation: str, key_id: str, body: dict[str, str], wanted: str) -> str:
        response = self._request("POST", f"{self._base}/{operation}/{self._key}", body, key_id)
        if response.status_code != 200:
            raise self._refusal(response, operation, key_id)
        value = self._data(response, key_id).get(wanted)
        if not isinstance(value, str):
            raise MasterKeyUnavailable(f"{self._host} answered without a {wanted}; it is not a Transit service", key_id)
        return value

    def _request(self, method: str, url: str, body: dict[str, str] | None, key_id: str | None = None) -> httpx.Response:
        headers = {**self._headers, "X-Vault-Token": self._token()}
        try:
            return self._http().request(method, url, json=body, headers=headers)
        except self._httpx.HTTPError as error:
            reason = (
                "did not answer in time" if isinstance(error, self._httpx.TimeoutException) else "cannot be reached"
            )
        # outside of the handler: the exception holds the request with the key in it
        raise MasterKeyUnavailable(
            f"the master key {self._place} cannot be used: {self._host} {reason}; nothing was changed, try again later",
            key_id,
        )

    def _http(self) -> httpx.Client:
        """This process's connections; those of a parent process are left alone."""
        if self._client is None or self._client_pid != os.getpid():
            try:
                # no proxy and no .netrc from the environment: a key goes to this host and nowhere else
                verify = ssl.create_default_context(cafile=self._ca_file)
            except OSError:
                raise MasterKeyUnavailable("the file of certificates (master_key_ca) cannot be used") from None
            timeout = self._httpx.Timeout(_SECONDS, connect=_CONNECT_SECONDS)
            self._client = self._httpx.Client(timeout=timeout, trust_env=False, follow_redirects=False, verify=verify)
            self._client_pid = os.getpid()
        return self._client

    def _data(self, response: httpx.Response, key_id: str | None) -> dict[str, Any]:
        try:
            data = response.json()["data"]
            if isinstance(data, dict):
                return data
        except (ValueError, KeyError, TypeError):
            pass
        raise MasterKeyUnavailable(f"{self._host} answered with something that is not of a Transit service", key_id)

    def _refusal(self, response: httpx.Response, operation: str, key_id: str) -> MasterKeyUnavailable | MasterKeyWrong:
        """The error for an answer other than 200; of its text only known phrases are looked for, none is shown."""
        status = response.status_code
        text = response.text[:2000].lower()
        if status == 400 and operation == "decrypt" and any(phrase in text for phrase in _DOES_NOT_OPEN):
            return MasterKeyWrong(
                f"the master key {self._place} at {self._host} does not open it: it was altered, wrapped for another "
                "id, or by a key of the same name that was since replaced",
                key_id,
            )
        if "too old" in text:
            reason = "the version it was wrapped with is below min_decryption_version; lower that and re-wrap"
        elif status == 400 and "key not found" in text:
            reason = "there is no key of this name on the mount"
        elif status == 400 and "associated_data" in text:
            reason = "its type takes no associated data; it has to be aes256-gcm96 or chacha20-poly1305"
        elif status == 403:
            reason = "the token is not valid or may not use it (permission denied)"
        elif status == 404:
            reason = "there is no Transit engine on this mount, or not in this namespace"
        elif status == 429:
            reason = "it is asked too often"
        elif status == _SEALED and "sealed" in text:
            reason = "the service is sealed; somebody has to unseal it"
        elif 300 <= status < 400:
            reason = "the service answers with a redirection; configure the address of the active node"
        elif status >= 500:
            reason = "the service has a problem of its own"
        else:
            reason = "the service refused the request"
        return MasterKeyUnavailable(
            f"the master key {self._place} at {self._host} cannot be used: {reason} (HTTP {status})", key_id
        )


def token_source(spec: str) -> Callable[[], str]:
    """A function that reads the token: ``file:/path`` (0600 or 0400, read each time) or ``env:NAME``.

    :raises KeyStoreUnsafe: neither of the two
    """
    kind, _colon, where = spec.partition(":")
    if kind == "file" and where:
        return lambda: _clean(_read_token(where), f"the file {where}")
    if kind == "env" and where:
        return lambda: _clean(os.environ.get(where, ""), f"the environment variable {where}")
    raise KeyStoreUnsafe("the token for the master key's service has to be named file:/path or env:NAME")


def _read_token(path: str) -> str:
    try:
        with private_file(path, os.O_RDONLY, "the token's file") as fd:
            return read_all(fd).decode("ascii", "replace")
    except FileNotFoundError:
        raise MasterKeyUnavailable(f"the token's file {path} is not there") from None
    except OSError as error:
        raise MasterKeyUnavailable(f"the token's file {path} could not be read: {explain(error)}") from None


def _clean(token: str, where: str) -> str:
    token = token.strip()
    if not re.fullmatch(r"[!-~]{8,4096}", token):
        raise MasterKeyUnavailable(f"{where} holds no token for the master key's service")
    return token


def _aad(key_id: str) -> str:
    return base64.b64encode(f"pii/wrap/v1\n{key_id}".encode("ascii")).decode("ascii")

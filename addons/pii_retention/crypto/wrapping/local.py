"""A master key of our own, from a file or an environment variable: AES-256-GCM under it, bound to the key id.

The file or variable holds 32 random bytes as text: base64 (``openssl rand -base64 32``), base64url or 64 hexadecimal
digits. Where it comes from makes no difference to what is stored: moving it from one to the other needs no re-wrapping.

Blob: ``nonce(12) ‖ ciphertext(32) ‖ tag(16)``; key HKDF(master key, ``pii/wrap/v1``); additional authenticated data the
length-prefixed ``pii/wrap/v1 ‖ key id``. The fingerprint in the label is HKDF(master key, ``pii/master/v1``)[:8].
"""

import base64
import binascii
import os
import re
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..encoding import length_prefixed
from ..errors import KeyStoreUnsafe, MasterKeyUnavailable, MasterKeyWrong
from ..placement import check_placement
from ..posix import explain, private_file, read_all
from ..secret import KEY_BYTES, Secret
from .base import Wrapped

_CONTEXT = "pii/wrap/v1"
_NONCE = 12
_MIN_DISTINCT = 8  # 32 random bytes have fewer distinct values once in 10**40 times; a placeholder has
_MAX_FILE = 1024
_HEX = re.compile(r"[0-9A-Fa-f]{64}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{43}=?")


class LocalWrapper:
    """A :class:`~.base.Wrapper` with a master key in this process's memory.

    :param source: where the key came from, for messages (``file:/etc/…``, ``env:NAME``)
    """

    name = "aes256gcm"

    def __init__(self, master: Secret, source: str) -> None:
        self._key = master.derive(_CONTEXT)
        self._label = f"{self.name}:{master.derive('pii/master/v1').expose()[:8].hex()}"
        self._source = source

    def __repr__(self) -> str:
        return f"<master key from {self._source}>"

    def current_label(self) -> str:
        return self._label

    def opens(self, label: str) -> bool:
        return label == self._label

    def wrap(self, key_id: str, secret: Secret) -> Wrapped:
        nonce = os.urandom(_NONCE)
        sealed = AESGCM(self._key.expose()).encrypt(nonce, secret.expose(), _aad(key_id))
        return Wrapped(self._label, nonce + sealed)

    def unwrap(self, key_id: str, wrapped: Wrapped) -> Secret:
        try:
            nonce, sealed = wrapped.blob[:_NONCE], wrapped.blob[_NONCE:]
            return Secret(AESGCM(self._key.expose()).decrypt(nonce, sealed, _aad(key_id)))
        except (InvalidTag, ValueError):
            pass
        raise MasterKeyWrong("it was altered, or wrapped for another id; restore it from a copy of the store", key_id)

    def check(self) -> None:
        probe = Secret(os.urandom(KEY_BYTES))
        if self.unwrap("check", self.wrap("check", probe)) != probe:
            raise MasterKeyWrong("the master key does not open what it wrapped")


def master_from_file(path: str | os.PathLike[str], *, forbidden: Sequence[str | os.PathLike[str]] = ()) -> Secret:
    """The master key in a file that only this user may reach (mode 0600 or 0400).

    :param forbidden: directories it must not lie in: the key store, Odoo's data, what is backed up with them
    :raises KeyStoreUnsafe: it lies there, belongs to somebody else, others can reach it, or it is a symbolic link
    :raises MasterKeyUnavailable: missing, unreadable, or not a key
    """
    place = Path(os.path.realpath(Path(path).parent)) / Path(path).name
    check_placement(place, forbidden, "the master key's file", "its backups would hold the master key too")
    try:
        with private_file(place, os.O_RDONLY, "the master key's file") as fd:
            text = read_all(fd)[: _MAX_FILE + 1].decode("ascii", "replace")
    except FileNotFoundError:
        raise MasterKeyUnavailable(f"the master key's file {place} is not there; mount or restore it") from None
    except OSError as error:
        raise MasterKeyUnavailable(f"the master key's file {place} could not be read: {explain(error)}") from None
    return _decode(text, f"the file {place}")


def master_from_environment(name: str) -> Secret:
    """The master key in an environment variable.

    It stays there: a restart of the server by itself needs it again.

    :raises MasterKeyUnavailable: not set, or not a key
    """
    text = os.environ.get(name)
    if not text:
        raise MasterKeyUnavailable(f"the environment variable {name}, which should hold the master key, is not set")
    return _decode(text, f"the environment variable {name}")


def _decode(text: str, where: str) -> Secret:
    text = text.strip()
    key = b""
    try:
        if _HEX.fullmatch(text):
            key = bytes.fromhex(text)
        elif _BASE64.fullmatch(text):
            key = base64.b64decode(text.rstrip("=").replace("-", "+").replace("_", "/") + "=")
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise MasterKeyUnavailable(f"{where} holds no master key; make one with: openssl rand -base64 32")
    if len(set(key)) < _MIN_DISTINCT:
        raise KeyStoreUnsafe(f"{where} holds a placeholder, not 32 random bytes; make a key: openssl rand -base64 32")
    return Secret(key)


def _aad(key_id: str) -> bytes:
    return length_prefixed(_CONTEXT, key_id)

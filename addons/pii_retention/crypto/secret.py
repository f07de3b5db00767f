"""A key in memory that does not give itself away, and the one key derivation of this package."""

from hmac import compare_digest
from typing import NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .encoding import length_prefixed

KEY_BYTES = 32


class Secret:
    """32 key bytes behind a blank face.

    ``repr``, ``str``, ``format``, tracebacks with local variables, ``vars``, copying and pickling show or move nothing.
    This stops accidents (a log line, an error reporter, a job queue), not code that wants the bytes: that calls
    :meth:`expose`, which is easy to search for. Python cannot promise to wipe memory, so neither does this class.

    :raises ValueError: unless given exactly 32 bytes
    """

    __slots__ = ("_bytes",)

    def __init__(self, key: bytes) -> None:
        if not isinstance(key, bytes) or len(key) != KEY_BYTES:
            raise ValueError(f"A key is {KEY_BYTES} bytes.")
        self._bytes = key

    def expose(self) -> bytes:
        """The bytes. Use them inside one expression; never bind them to a name."""
        return self._bytes

    def derive(self, *context: str) -> "Secret":
        """An independent key for ``context``: HKDF-SHA-256 (RFC 5869), no salt (the input is uniformly random),
        info = the length-prefixed context. About 10 microseconds."""
        return Secret(HKDF(SHA256(), KEY_BYTES, salt=None, info=length_prefixed(*context)).derive(self._bytes))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and compare_digest(self._bytes, other._bytes)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "<Secret>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("A key is not copied, pickled or sent to another process.")

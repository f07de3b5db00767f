"""Two encodings with exactly one spelling per value: length-prefixed fields and strict base64url.

A second spelling of the same bytes would let somebody change a stored token without anybody noticing, and plain
concatenation would let ``"ab" + "c"`` pass for ``"a" + "bc"``.
"""

import base64


def length_prefixed(*parts: str | bytes) -> bytes:
    """Join ``parts`` unambiguously: each as a 4-byte big-endian length in bytes, then the bytes (text as UTF-8)."""
    out = bytearray()
    for part in parts:
        raw = part.encode("utf-8") if isinstance(part, str) else part
        out += len(raw).to_bytes(4, "big") + raw
    return bytes(out)


def b64url_encode(data: bytes) -> str:
    """base64url without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def b64url_decode(text: str) -> bytes:
    """The inverse of :func:`b64url_encode`.

    :raises ValueError: for anything that :func:`b64url_encode` cannot have written: foreign characters, padding,
        white space, or left-over bits in the last character (all of which Python's decoder would silently drop)
    """
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        data = None
    if data is None or b64url_encode(data) != text:
        raise ValueError("not canonical base64url")
    return data

"""Documents behind presigned URLs: reports and feed results come down, feeds go up.

A presigned URL is a key to personal data for minutes: it is never logged and stands in no error. The library's own
transfer is not used: it does not check the status (an error page becomes "the report"), guesses ISO-8859-1 for UTF-8,
and follows no limit.
"""

from __future__ import annotations

import base64
import codecs
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message

import httpx

from . import errors
from .pool import MAX_BYTES, HttpPool, Timeouts, default_pool

MAX_DOCUMENT_BYTES = 256 * 1024 * 1024
"""After decompression."""
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Document:
    """A document as bytes, decompressed. It may be personal data: it does not show itself."""

    content: bytes = field(repr=False)
    content_type: str = ""

    def text(self, *, japanese: bool = False) -> str:
        """The document as text; see :func:`decode`."""
        return decode(self.content, self.content_type, japanese=japanese)[0]


def download(
    url: str,
    *,
    compression: str | None = None,
    pool: HttpPool | None = None,
    timeouts: Timeouts | None = None,
    max_transfer: int = MAX_BYTES,
    max_bytes: int = MAX_DOCUMENT_BYTES,
) -> Document:
    """Fetch a document.

    :param compression: Amazon's ``compressionAlgorithm``; gzip is recognised without it, too.
    :param max_transfer: limit for what goes over the network, `max_bytes` for the result.
    :raises errors.SpapiError: as for any call; an expired URL is `AccessDenied` (fetch the document's entry anew).
    """
    response = _transfer("GET", url, "downloadDocument", pool, timeouts, max_transfer, raw=True)
    content = response.content
    # At most twice: gzip as Content-Encoding of the transfer, and gzip as the document's own compression.
    for _ in range(2):
        if content[:2] != b"\x1f\x8b":
            break
        content = _gunzip(content, max_bytes)
    if compression and compression.upper() != "GZIP":
        raise errors.MalformedResponse(
            "unknown compression", status=response.status_code, code="Compression", operation="downloadDocument"
        )
    if len(content) > max_bytes:
        raise _too_large()
    return Document(content, response.headers.get("content-type", ""))


def upload(
    url: str,
    content: bytes,
    content_type: str,
    *,
    md5: bool = False,
    pool: HttpPool | None = None,
    timeouts: Timeouts | None = None,
) -> None:
    """Put a document where ``createFeedDocument`` said.

    :param content_type: exactly the one the feed document was created with, else the signature does not fit.
    :param md5: send ``Content-MD5``; only where the URL was signed with it.
    """
    if not isinstance(content, bytes):
        raise TypeError("a document is uploaded as bytes; encode text as UTF-8 first")
    headers = {"content-type": content_type}
    if md5:
        headers["content-md5"] = content_md5(content)
    _transfer("PUT", url, "uploadDocument", pool, timeouts, MAX_BYTES, content=content, headers=headers)


def content_md5(content: bytes) -> str:
    """Base64 of the MD5 sum, as the Uploads API and S3 want it (an integrity check, not a signature)."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def decode(content: bytes, content_type: str = "", *, japanese: bool = False) -> tuple[str, str]:
    """(text, charset used).

    A byte order mark decides; then the charset of `content_type` if the bytes agree; then UTF-8, UTF-16 without mark,
    and one of the two legacy charsets of Amazon's reports. `japanese` says that Shift-JIS is more likely than
    Windows-1252; without it Shift-JIS is taken only for text with kana in it. Never raises.
    """
    for mark, charset in _BOMS:
        if content.startswith(mark):
            return content.decode(charset, "replace"), charset
    candidates = [_charset_of(content_type), "utf-8"]
    if content.count(0) > len(content) // 4:
        even, odd = content[0::2].count(0), content[1::2].count(0)
        candidates.insert(1, "utf-16-le" if odd >= even else "utf-16-be")
    if japanese:
        candidates.append("cp932")
    for charset in candidates:
        text = _try(content, charset)
        if text is not None:
            return text, charset
    text = _try(content, "cp932")
    if text is not None and any("\u3040" <= char <= "\u30ff" for char in text):
        return text, "cp932"
    text = _try(content, "cp1252")
    return (text, "cp1252") if text is not None else (content.decode("latin-1"), "latin-1")


def _charset_of(content_type: str) -> str:
    message = Message()
    message["content-type"] = content_type.replace("\r", " ").replace("\n", " ")
    charset = message.get_content_charset("") or ""
    try:
        charset = codecs.lookup(charset).name if charset else ""
    except LookupError:
        return ""
    # Servers name ISO-8859-1 when they mean "no idea"; it fits any bytes, so it would hide UTF-8.
    return {"iso8859-1": "", "ascii": "", "shift_jis": "cp932"}.get(charset, charset)


def _try(content: bytes, charset: str) -> str | None:
    if not charset:
        return None
    try:
        return content.decode(charset)
    except (UnicodeDecodeError, LookupError):
        return None


def _gunzip(content: bytes, max_bytes: int) -> bytes:
    """All members of a gzip file, up to `max_bytes`."""
    result = bytearray()
    while content[:2] == b"\x1f\x8b":
        member = zlib.decompressobj(wbits=31)
        try:
            result += member.decompress(content, max_bytes - len(result) + 1)
        except zlib.error:
            member = None
        if len(result) > max_bytes:
            raise _too_large()
        if member is None or not member.eof:
            raise errors.MalformedResponse(
                "the document is damaged", status=200, code="Truncated", operation="downloadDocument"
            )
        content = member.unused_data.lstrip(b"\x00")
    return bytes(result)


def _too_large() -> errors.MalformedResponse:
    return errors.MalformedResponse(
        "the document is too large", status=200, code="TooLarge", operation="downloadDocument"
    )


def _transfer(
    method: str,
    url: str,
    operation: str,
    pool: HttpPool | None,
    timeouts: Timeouts | None,
    max_bytes: int,
    *,
    raw: bool = False,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    pool = pool or default_pool()
    pool.check_url(url, operation)
    writes = method != "GET"
    failure: errors.SpapiError | None = None
    try:
        response = pool.fetch(
            method,
            url,
            headers={"accept-encoding": "identity", **(headers or {})},
            timeouts=timeouts,
            max_bytes=max_bytes,
            raw=raw,
            content=content,
        )
        if not 200 <= response.status_code < 300:
            failure = errors.from_response(
                response.status_code,
                response.headers,
                response.content,
                operation=operation,
                writes=writes,
                quote=False,
            )
    except Exception as exc:
        failure = errors.from_exception(exc, operation=operation, writes=writes)
    if failure is not None:
        raise failure
    return response

"""Text inside text: wrapped lines, mark-up, mail messages, base64 and hexadecimal blocks."""

from __future__ import annotations

import base64
import binascii
import email
import email.errors
import email.header
import email.message
import email.policy
import html
import re
from collections.abc import Iterator

from .containers import Child, Context, kind
from .matcher import Buffer

_SAMPLE = 1 << 16
_WINDOW = 1 << 23
_OVERLAP = 1 << 12
_CONTROL = bytes(code for code in range(32) if code not in (8, 9, 10, 11, 12, 13, 27)) + b"\x7f"


def is_text(data: Buffer) -> bool:
    """Hardly any control characters at the beginning."""
    sample = bytes(data[:_SAMPLE])
    return len(sample) - len(sample.translate(None, _CONTROL)) <= len(sample) // 50


def views(data: Buffer, context: Context) -> Iterator[Child]:
    """Everything that may be hidden in a text."""
    openers = {
        "mime": mime,
        "base64_block": base64_blocks,
        "hex_block": hex_blocks,
        "unwrapped": unwrapped,
        "markup": markup,
        "digit_groups": digit_groups,
    }
    for name, opener in openers.items():
        if name not in context.without:
            yield from opener(data, context)


def _windows(data: Buffer) -> Iterator[bytes]:
    for start in range(0, max(len(data), 1), _WINDOW):
        yield bytes(data[start : start + _WINDOW + _OVERLAP])


# === Lines and mark-up ===

_FOLD = re.compile(rb"=?[ \t]*(?:\r?\n|\\r\\n|\\n)[ \t>]*")


def unwrapped(data: Buffer, _context: Context) -> Iterator[Child]:
    """Folded headers, base64 in lines, quoted-printable's soft breaks: the text with its line ends removed."""
    for window in _windows(data):
        if (joined := _FOLD.sub(b"", window)) != window:
            yield Child("unwrapped", joined, leaf=True)


_TAG = re.compile(rb"<[^<>]{0,4096}>")
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))


def markup(data: Buffer, _context: Context) -> Iterator[Child]:
    """HTML, XML and office documents without tags: ``<w:t>Mar</w:t><w:t>io</w:t>`` reads Mario."""
    for window in _windows(data):
        if b"<" in window or b"&" in window:
            text = html.unescape(_TAG.sub(b"", window).decode("utf-8", "surrogateescape")).translate(_INVISIBLE)
            if (stripped := text.encode("utf-8", "surrogatepass")) != window:
                yield Child("markup", stripped, leaf=True)


_GROUPED = re.compile(rb"(?<=\d)(?:[ ./()-]|\xc2\xa0|\xe2\x80[\x80-\x95\xaf]){1,3}(?=\d)")


def digit_groups(data: Buffer, _context: Context) -> Iterator[Child]:
    """Telephone and tax numbers with any grouping: separators between digits removed."""
    for window in _windows(data):
        if (joined := _GROUPED.sub(b"", window)) != window:
            yield Child("digit_groups", joined, leaf=True)


# === Mail ===

_HEADER = re.compile(
    rb"(?:From |(?:[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*){0,40}?"
    rb"(?:mime-version|content-type|from|received|subject):)",
    re.IGNORECASE,
)


def mime(data: Buffer, context: Context) -> Iterator[Child]:
    """Decoded headers and parts of a mail message, nested messages included."""
    if len(data) > 1 << 28 or not _HEADER.match(bytes(data[: 1 << 16])):
        return
    message = email.message_from_bytes(bytes(data), policy=email.policy.compat32)
    for part in message.walk():
        headers = "\n".join(f"{key}: {_decoded(str(value))}" for key, value in part.items())
        yield Child("mime:headers", headers.encode("utf-8", "surrogateescape"), leaf=True)
        payload = None if part.is_multipart() else part.get_payload(decode=True)
        if isinstance(payload, bytes) and payload and payload != bytes(data):
            name = part.get_filename() or part.get_content_type()
            yield Child(f"mime:{name}", payload, name.encode("utf-8", "surrogateescape"))


def _decoded(value: str) -> str:
    try:
        return "".join(
            part if isinstance(part, str) else part.decode(charset or "latin-1", "replace")
            for part, charset in email.header.decode_header(value)
        )
    except (LookupError, ValueError, email.errors.HeaderParseError):
        return value


# === Encoded blocks ===

_BREAK = rb"(?:\r?\n[ \t]*|\\r\\n|\\{1,4}n|\\/|%0A|%0D|&#1[03];)"
_BASE64 = re.compile(rb"[0-9A-Za-z+/_-]{24,}(?:" + _BREAK + rb"[0-9A-Za-z+/_-]+)*(?:={1,2}|%3D|)")
_NOT_BASE64 = re.compile(_BREAK.replace(rb"|\\/", rb"|\\(?=/)") + rb"|=|%3D")
# What PDF, gzip, zip, PNG, JPEG, XML and SQLite look like in base64: the block may start after a glued prefix.
_BASE64_MAGIC = re.compile(rb"JVBERi|H4sI|UEsDB|iVBORw0|/9j/|PD94bWwg|U1FMaXRl")
_SMALL = 256


def base64_blocks(data: Buffer, _context: Context) -> Iterator[Child]:
    """Base64 (both alphabets, in lines or not) decoded."""
    small = []
    for match in _BASE64.finditer(data):
        digits = _NOT_BASE64.sub(b"", match.group()).translate(bytes.maketrans(b"-_", b"+/"))
        starts = [0]
        starts += [found.start() for found in _BASE64_MAGIC.finditer(digits) if found.start() % 4][:8]
        for start in starts:
            usable = digits[start : start + (len(digits) - start) // 4 * 4]
            tail = digits[start + len(usable) :]
            try:
                raw = base64.b64decode(usable + (tail + b"==")[:4] if len(tail) > 1 else usable)
            except binascii.Error:
                continue
            if len(raw) < _SMALL and not kind(raw):
                small.append(raw)
            else:
                yield Child("base64", raw)
    if small:
        # Thousands of short words look like base64: one piece for all of them. The needles inside short plain ones
        # are found by their base64 form anyway.
        yield Child("base64", b"\0".join(small), leaf=True)


_HEX = re.compile(rb"[0-9A-Fa-f]{96,}(?:\r?\n[ \t]*[0-9A-Fa-f]+)*")


def hex_blocks(data: Buffer, _context: Context) -> Iterator[Child]:
    """Long hexadecimal runs decoded: bytea in a plain dump, hex dumps, PDF strings."""
    for match in _HEX.finditer(data):
        digits = re.sub(rb"\s", b"", match.group())
        yield Child("hex", binascii.unhexlify(digits[: len(digits) // 2 * 2]))

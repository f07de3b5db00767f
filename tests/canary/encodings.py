"""How a text may be written as *bytes*: character sets, escapes, transfer encodings, plain digests.

Each form is a function text -> byte strings to look for. Results are folded (``bytes.lower()``) by the caller, so the
two cases of hexadecimal digits, and of base64 (whose needles are long enough to stay unmistakable), are one needle.
"""

from __future__ import annotations

import base64
import hashlib
import html
import html.entities
import json
import urllib.parse
from collections.abc import Callable, Iterable, Iterator

Form = Callable[[str], Iterable[bytes]]


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _charsets(text: str) -> Iterator[bytes]:
    """The raw encodings that base64, hexadecimal and digests are computed over."""
    yield _utf8(text)
    for charset in ("cp1252", "utf-16-le", "utf-16-be"):
        try:
            yield text.encode(charset)
        except UnicodeEncodeError:
            continue


def _eight_bit(text: str) -> Iterator[bytes]:
    for charset in ("cp1252", "iso8859-15", "iso8859-2", "cp850", "cp437", "mac_roman"):
        try:
            yield text.encode(charset)
        except UnicodeEncodeError:
            continue


def _wide(text: str, charset: str, width: int) -> Iterator[bytes]:
    """UTF-16 or UTF-32 without the zero bytes at the ends, which makes both byte orders of ASCII text one needle."""
    for order in ("le", "be"):
        yield text.encode(f"{charset}-{order}").strip(b"\0")


def _url(text: str) -> Iterator[bytes]:
    # Python's quote, JavaScript's encodeURIComponent, encodeURI, and what a browser leaves alone in a query.
    for safe in ("", "/", "!'()*", "/?:@!$&'()*+,;=#", "@:,/"):
        yield urllib.parse.quote(text, safe=safe).encode()


def _url_plus(text: str) -> Iterator[bytes]:
    for safe in ("", "/", "@:,/", "!'()*"):
        yield urllib.parse.quote_plus(text, safe=safe).encode()


def _url_double(text: str) -> Iterator[bytes]:
    for inner in (*_url(text), *_url_plus(text)):
        yield urllib.parse.quote(inner, safe="").encode()


def _url_latin1(text: str) -> Iterator[bytes]:
    if raw := next(_eight_bit(text), None):
        yield urllib.parse.quote(raw, safe="").encode()
        yield urllib.parse.quote_plus(raw, safe="").encode()


def _each(text: str, plain: Callable[[str], bool], escape: Callable[[str], str]) -> bytes:
    return _utf8("".join(char if plain(char) else escape(char) for char in text))


def _ascii_safe(char: str) -> bool:
    return char.isascii() and char not in "&<>\"'"


def _html_escape(text: str) -> Iterator[bytes]:
    basic = html.escape(text, quote=False)
    yield _utf8(basic)
    for double, single in (("&quot;", "&#x27;"), ("&#34;", "&#39;"), ("&quot;", "&#39;"), ("&quot;", "&apos;")):
        yield _utf8(basic.replace('"', double).replace("'", single))
    yield _utf8(html.escape(html.escape(text, quote=False), quote=False))


def _html_decimal(text: str) -> Iterator[bytes]:
    for escaped in _html_escape(text):
        yield escaped.decode("utf-8", "surrogatepass").encode("ascii", "xmlcharrefreplace")
    yield _each(text, lambda char: False, lambda char: f"&#{ord(char)};")


def _html_hex(text: str) -> Iterator[bytes]:
    for escaped in _html_escape(text):
        yield _each(escaped.decode("utf-8", "surrogatepass"), str.isascii, lambda char: f"&#x{ord(char):x};")
    yield _each(text, lambda char: False, lambda char: f"&#x{ord(char):x};")
    yield _each(text, lambda char: False, lambda char: f"&#x{ord(char):04x};")


def _html_named(text: str) -> Iterator[bytes]:
    names = html.entities.codepoint2name
    yield _each(text, lambda char: ord(char) not in names, lambda char: f"&{names[ord(char)]};")
    yield _each(text, lambda char: char == '"' or ord(char) not in names, lambda char: f"&{names[ord(char)]};")


def _json(text: str) -> Iterator[bytes]:
    for ascii_only in (True, False):
        inner = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield _utf8(inner)
        yield _utf8(inner.replace("/", "\\/"))
        # Odoo and Jinja write JSON into <script> like this.
        markup = inner
        for char in "<>&'":
            markup = markup.replace(char, f"\\u{ord(char):04x}")
        yield _utf8(markup)
    yield _each(text, lambda char: False, lambda char: "".join(f"\\u{unit:04x}" for unit in _units(char)))


def _units(char: str) -> list[int]:
    raw = char.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(raw[i : i + 2], "big") for i in range(0, len(raw), 2)]


def _json_double(text: str) -> Iterator[bytes]:
    """JSON inside JSON, and JSON inside PostgreSQL's COPY text, where each backslash is doubled."""
    for inner in _json(text):
        doubled = inner.replace(b"\\", b"\\\\")
        yield doubled
        yield doubled.replace(b'"', b'\\"')


def _python(text: str) -> Iterator[bytes]:
    yield _utf8(ascii(text)[1:-1])
    yield _utf8(repr(text)[1:-1])


def _python_bytes(text: str) -> Iterator[bytes]:
    for raw in _charsets(text):
        yield repr(raw)[2:-1].encode()
        yield b"".join(b"\\x%02x" % byte for byte in raw)


def _sql(text: str) -> Iterator[bytes]:
    yield _utf8(text.replace("'", "''"))
    yield _utf8(text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t"))
    yield _utf8(text.replace("\\", "\\\\").replace("'", "\\'"))
    yield _utf8(text.replace('"', '""'))


def _octal(text: str) -> Iterator[bytes]:
    """PostScript and PDF strings, C escapes, PostgreSQL's old bytea output."""
    for raw in (_utf8(text), next(_eight_bit(text), b"")):
        for special in (b"\\", b"\\()"):
            yield b"".join(
                b"\\" + bytes([byte]) if byte in special else bytes([byte]) if 32 <= byte < 127 else b"\\%03o" % byte
                for byte in raw
            )


def _quoted_printable(text: str) -> Iterator[bytes]:
    for raw in (_utf8(text), next(_eight_bit(text), b"")):
        escaped = [b"=%02X" % byte if byte == 61 or not 32 <= byte < 127 else bytes([byte]) for byte in raw]
        yield b"".join(escaped)


def _encoded_word(text: str) -> Iterator[bytes]:
    """RFC 2047 "Q": a space is an underscore, and all but letters and digits may be escaped."""
    for raw in (_utf8(text), next(_eight_bit(text), b"")):
        for literal in (b"!*+-/", b"!*+-/.,@'()&;:\"<>", b""):
            yield b"".join(
                b"_"
                if byte == 32
                else bytes([byte])
                if chr(byte).isalnum() and byte < 128 or byte in literal
                else b"=%02X" % byte
                for byte in raw
            )


def _zpl(text: str) -> Iterator[bytes]:
    """Zebra label printers, field hexadecimal ``^FH``."""
    for raw in (_utf8(text), next(_eight_bit(text), b"")):
        yield b"".join(bytes([byte]) if 32 <= byte < 127 and byte not in b"_^~" else b"_%02x" % byte for byte in raw)


def _utf7(text: str) -> Iterator[bytes]:
    yield text.encode("utf-7")


def aligned(raw: bytes, encode: Callable[[bytes], bytes], bits: int, block: int) -> Iterator[bytes]:
    """The inner part of ``raw`` in base 2**bits for each place it may have in a block of ``block`` bytes.

    Digits that also hold bits of the neighbours are left out, so the result does not depend on what stands around.
    """
    for offset in range(block):
        digits = encode(bytes(offset) + raw)
        yield digits[-(-offset * 8 // bits) : (offset + len(raw)) * 8 // bits]


def _base64(text: str) -> Iterator[bytes]:
    for raw in _charsets(text):
        yield from aligned(raw, base64.b64encode, 6, 3)


def _base64url(text: str) -> Iterator[bytes]:
    for raw in _charsets(text):
        for digits in aligned(raw, base64.urlsafe_b64encode, 6, 3):
            if b"-" in digits or b"_" in digits:  # else it is plain base64
                yield digits


def _base32(text: str) -> Iterator[bytes]:
    yield from aligned(_utf8(text), base64.b32encode, 5, 5)


def _hex(text: str) -> Iterator[bytes]:
    for raw in _charsets(text):
        yield raw.hex().encode()


def _hex_separated(text: str) -> Iterator[bytes]:
    for raw in (_utf8(text), next(_eight_bit(text), b"")):
        for separator in (" ", ":", "-", "%", ", 0x"):
            yield raw.hex("\0").replace("\0", separator).encode()


def digest(text: str) -> Iterator[bytes]:
    """A plain hash of a value is the value to anyone who can guess it: as hex, raw and base64, cut to 96 bits."""
    for name in ("md5", "sha1", "sha256", "sha512"):
        raw = hashlib.new(name, _utf8(text), usedforsecurity=False).digest()
        yield raw.hex()[:24].encode()
        yield raw[:12]
        yield base64.b64encode(raw)[:16]
        yield base64.urlsafe_b64encode(raw)[:16]


HASHED = frozenset({"as_is", "token", "upper", "lower", "no_accents", "swapped", "no_space", "digits", "e164"})
"""Text variants (by any of their parts) that somebody may have hashed; :func:`digest` makes the needles."""


FORMS: dict[str, Form] = {
    "utf8": lambda text: [_utf8(text)],
    "eight_bit": _eight_bit,
    "utf16": lambda text: _wide(text, "utf-16", 2),
    "utf32": lambda text: _wide(text, "utf-32", 4),
    "utf7": _utf7,
    "url": _url,
    "url_plus": _url_plus,
    "url_double": _url_double,
    "url_latin1": _url_latin1,
    "html_escape": _html_escape,
    "html_decimal": _html_decimal,
    "html_hex": _html_hex,
    "html_named": _html_named,
    "json": _json,
    "json_double": _json_double,
    "python": _python,
    "python_bytes": _python_bytes,
    "sql": _sql,
    "octal": _octal,
    "quoted_printable": _quoted_printable,
    "encoded_word": _encoded_word,
    "zpl": _zpl,
    "base64": _base64,
    "base64url": _base64url,
    "base32": _base32,
    "hex": _hex,
    "hex_separated": _hex_separated,
}
"""Name of a form -> its needles, the plainest first: the first name that yields some bytes owns them."""

_UNLIKELY = ("utf8", "eight_bit", "utf16", "url", "html_decimal", "json", "base64", "hex")
_NUMERIC = ("utf8", "utf16", "url", "url_plus", "base64", "hex")


def forms_for(parts: tuple[str, ...]) -> tuple[str, ...]:
    """The forms that are worth a needle for a text variant: all, fewer for far-fetched ones and for plain numbers."""
    if "reversed" in parts or "rot13" in parts:
        return _UNLIKELY
    if "phone" in parts or "digits" in parts:
        return _NUMERIC
    return tuple(FORMS)

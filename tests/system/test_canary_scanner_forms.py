"""The scanner knows every form, and each is needed: what it looks for, whatever lies around it.

For each form one thing is planted that only this form reveals: the whole scanner finds it, the one without it does not.
"""

from __future__ import annotations

import base64
import codecs
import email.charset
import email.header
import functools
import hashlib
import html
import json
import quopri
import unicodedata
import urllib.parse
from collections.abc import Callable

import pytest
from canary import PLANT_KEYS, Canary, as_plant, make_canaries
from canary.encodings import FORMS
from canary.matcher import Matcher
from canary.needles import compile_needles
from canary.variants import LETTER_FORMS, ORDER_FORMS

PERSON = make_canaries(seed=20260101)[0]
# Short accented words: without a long ASCII run, each encoding of this looks different.
SHORT = Canary("name", "Zoë Ñandú-Köhl")
TOKEN = Canary("name", "Zoë Quvixwandrokezu")


def found(canary: Canary, data: bytes, without: set[str] | None = None) -> set[str]:
    """Forms found by the matcher alone, no container opened."""
    return {needle.form for needle, _start, _end in matcher(canary, frozenset(without or ())).find(data)}


@functools.cache
def matcher(canary: Canary, without: frozenset[str]) -> Matcher:
    return Matcher(compile_needles([canary], without))


def entities(text: str, template: str) -> str:
    return "".join(char if char.isascii() else template.format(ord(char)) for char in text)


def named(text: str) -> str:
    return (
        text.encode("ascii", "xmlcharrefreplace").decode()
        if not text
        else "".join(
            f"&{html.entities.codepoint2name[ord(char)]};" if ord(char) in html.entities.codepoint2name else char
            for char in text
        )
    )


def q_word(text: str) -> bytes:
    charset = email.charset.Charset("utf-8")
    charset.header_encoding = email.charset.QP
    return email.header.Header(text, charset, maxlinelen=10_000).encode().encode()


def octal(text: str) -> bytes:
    return "".join(chr(byte) if byte < 128 else f"\\{byte:03o}" for byte in text.encode()).encode()


AMPERSAND = Canary("company_name", 'Öst & "Zoë" <Köhl>')
QUOTE = Canary("city", "Zoë d'Àdig Ñandú")
PHONE = Canary("phone", "+33 6 39 98 60 25")
VAT = Canary("vat", "IT 9171 9008 889")
WIDE = Canary("name", "Zoë Şandú-Köhl")
DOTS = Canary("name", "Zoë.Ñandú,Köhl")
SLASHES = Canary("name", "ÿþÿþÿþÿþÿþ")

Case = tuple[str, Canary, Callable[[str], bytes]]

FORM_CASES: list[Case] = [
    ("eight_bit", SHORT, lambda text: text.encode("latin-1")),
    ("eight_bit", SHORT, lambda text: text.encode("cp850")),
    ("utf16", SHORT, lambda text: text.encode("utf-16-le")),
    ("utf16", SHORT, lambda text: text.encode("utf-16-be")),
    ("utf32", SHORT, lambda text: text.encode("utf-32-le")),
    ("utf32", SHORT, lambda text: text.encode("utf-32-be")),
    ("utf7", SHORT, lambda text: text.encode("utf-7")),
    ("url", SHORT, lambda text: urllib.parse.quote(text).encode()),
    ("url", SHORT, lambda text: urllib.parse.quote(text).lower().encode()),
    ("url_plus", SHORT, lambda text: urllib.parse.quote_plus(text).encode()),
    ("url_double", SHORT, lambda text: urllib.parse.quote(urllib.parse.quote(text)).encode()),
    ("url_latin1", SHORT, lambda text: urllib.parse.quote(text.encode("latin-1")).encode()),
    ("html_escape", AMPERSAND, lambda text: html.escape(text).encode()),
    ("html_escape", AMPERSAND, lambda text: html.escape(text).replace("&quot;", "&#34;").encode()),
    ("html_decimal", SHORT, lambda text: text.encode("ascii", "xmlcharrefreplace")),
    ("html_decimal", SHORT, lambda text: "".join(f"&#{ord(char)};" for char in text).encode()),
    ("html_hex", SHORT, lambda text: entities(text, "&#x{:X};").encode()),
    ("html_hex", SHORT, lambda text: "".join(f"&#x{ord(char):x};" for char in text).encode()),
    ("html_named", SHORT, lambda text: named(text).encode()),
    ("json", SHORT, lambda text: json.dumps(text).encode()),
    ("json", SHORT, lambda text: "".join(f"\\u{ord(char):04X}" for char in text).encode()),
    ("json_double", SHORT, lambda text: json.dumps(json.dumps(text)).encode()),
    ("python", WIDE, lambda text: ascii(text).encode()),
    ("python_bytes", SHORT, lambda text: repr(text.encode()).encode()),
    ("python_bytes", TOKEN, lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()).encode()),
    ("sql", QUOTE, lambda text: text.replace("'", "''").encode()),
    ("octal", SHORT, octal),
    ("quoted_printable", SHORT, lambda text: quopri.encodestring(text.encode())),
    ("quoted_printable", SHORT, lambda text: quopri.encodestring(text.encode("latin-1"))),
    ("encoded_word", DOTS, q_word),
    ("zpl", SHORT, lambda text: "".join(chr(b) if b < 128 else f"_{b:02X}" for b in text.encode()).encode()),
    *(("base64", SHORT, lambda text, n=n: base64.b64encode(b"." * n + text.encode() + b"..")) for n in range(3)),
    *(("base64", TOKEN, lambda text, n=n: base64.b64encode(bytes(n) + text.encode("utf-16-le"))) for n in range(3)),
    *(("base64url", SLASHES, lambda text, n=n: base64.urlsafe_b64encode(b"." * n + text.encode())) for n in range(3)),
    *(("base32", SHORT, lambda text, n=n: base64.b32encode(b"." * n + text.encode() + b"..")) for n in range(5)),
    ("hex", SHORT, lambda text: text.encode().hex().encode()),
    ("hex", SHORT, lambda text: b"\\x" + text.encode().hex().upper().encode()),
    ("hex", SHORT, lambda text: f"<FEFF{text.encode('utf-16-be').hex()}>".encode()),
    ("hex_separated", SHORT, lambda text: text.encode().hex(" ").encode()),
    ("hex_separated", SHORT, lambda text: text.encode().hex(":").upper().encode()),
    *(
        ("digest", SHORT, lambda text, n=n, f=f: f(hashlib.new(n, text.encode()).digest()))
        for n in ("md5", "sha1", "sha256", "sha512")
        for f in (bytes, base64.b64encode, lambda raw: raw.hex().encode(), lambda raw: raw.hex().upper().encode())
    ),
    ("digest", SHORT, lambda text: hashlib.sha256(text.lower().encode()).digest()),
    ("digest", PHONE, lambda text: hashlib.sha256(text.replace(" ", "").encode()).hexdigest().encode()),
    ("swapped", SHORT, lambda text: " ".join(reversed(text.split())).encode()),
    ("comma", SHORT, lambda text: ", ".join(reversed(text.split())).encode()),
    ("no_space", SHORT, lambda text: text.replace(" ", "").encode()),
    ("joined", SHORT, lambda text: text.replace(" ", "_").encode()),
    ("reversed", SHORT, lambda text: text[::-1].encode()),
    ("rot13", SHORT, lambda text: codecs.encode(text, "rot13").encode()),
    ("token", TOKEN, lambda text: text.split()[1].encode() + b"\n<br/>"),
    ("digits", VAT, lambda text: text[3:].replace(" ", "").encode()),
    ("phone", PHONE, lambda text: b"06.39.98.60.25"),
    ("nfd", SHORT, lambda text: unicodedata.normalize("NFD", text).encode()),
    ("no_accents", SHORT, lambda text: b"Zoe Nandu-Kohl"),
    ("upper", SHORT, lambda text: text.upper().encode()),
    ("lower", SHORT, lambda text: text.lower().encode()),
    ("pglz", TOKEN, lambda text: b"ab Quvixw\x00androkez\x00u"),
]


@pytest.mark.parametrize(("form", "canary", "write"), FORM_CASES)
def test_each_form_is_seen_and_needed(form: str, canary: Canary, write: Callable[[str], bytes]) -> None:
    data = b"before, " + write(canary.value) + b" after"
    assert found(canary, data)
    assert not found(canary, data, {form})


def test_no_form_lacks_a_case() -> None:
    have = {form for form, _canary, _write in FORM_CASES}
    want = {*FORMS, *ORDER_FORMS, *LETTER_FORMS, "digest", "pglz"} - {"utf8"}
    assert have == want


@pytest.mark.parametrize("field", PERSON)
def test_every_field_is_seen_in_every_encoding(field: str) -> None:
    canary = PERSON[field]
    blind = []
    for form, _canary, write in FORM_CASES:
        if form in ("phone", "digits", "token", "pglz", "swapped", "comma", "no_accents", "digest", "eight_bit"):
            continue  # written for one value
        try:
            data = b"before, " + write(canary.value) + b" after"
        except UnicodeEncodeError:
            continue  # a dash that Latin-1 has not
        if not found(canary, data):
            blind.append(form)
    assert not blind


def test_case_split_and_neighbours_do_not_hide_a_value() -> None:
    assert found(TOKEN, b"xxQUVIXwandroKEZUxx")
    assert found(PHONE, b"id=33639986025") and found(PHONE, b"0639986025;")
    # A short number inside a longer one is somebody else's number.
    assert not found(PHONE, b"406399860255")


# === Canaries ===


def test_canaries_are_reproducible_distinct_and_plantable() -> None:
    persons = make_canaries(seed=1, n=20)
    assert persons == make_canaries(seed=1, n=20) != make_canaries(seed=2, n=20)
    assert all(set(person) == set(PLANT_KEYS) for person in persons)
    assert set(as_plant(persons[0])) == set(PLANT_KEYS.values())
    for field in PLANT_KEYS:
        assert len({person[field].value for person in persons}) == 20
    # Every value has a long run that survives all text escapes.
    for person in persons:
        for field, canary in person.items():
            runs = "".join(char if char.isascii() and char.isalnum() else " " for char in canary.value).split()
            assert max(map(len, runs)) >= 10 or field == "phone", canary


@pytest.mark.parametrize("value", ["short", "Mario {n} Rossi", "\0 Mario Rossi"])
def test_a_value_that_cannot_be_searched_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="canary"):
        Canary("name", value)

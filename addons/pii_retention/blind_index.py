"""Find a person by an exact value without storing the value: arithmetic of the blind index.

A value is normalised, digested with HMAC-SHA-256 under the key of the subject's day (its own key per company, bucket
and field) and cut to a few bits. Only those bits are stored. Several persons share them on purpose: who holds the
database alone learns next to nothing from two equal entries, and once the day's key is destroyed nobody can compute an
entry.

An entry is text, ``<bits>:<hex>``: the number of bits kept, then these bits. A column holds the entries of all values
of a field (the names on the label and on the invoice), separated by spaces.

How many bits: the planner of CipherSweet. With R rows and b bits, C = R / 2^b rows match any value by coincidence, and
2 <= C <= √R must hold: fewer would identify, more would make searching pointless. Within that the largest b is taken,
because each coincidence is somebody's data opened for nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping

import phonenumbers

#: Fields that can be looked up, and the vault's keys whose values each of them finds.
FIELDS: dict[str, tuple[str, ...]] = {
    "name": ("name", "company_name"),
    "email": ("email",),
    "phone": ("phone",),
}
#: Retention classes whose values are indexed. What an importer could not understand has no fields.
CLASSES = ("operational", "fiscal")

SEPARATOR = " "
#: With fewer rows the two bounds exclude each other. Entries then get the bits of 16 rows; every day key dies within
#: the retention period, and with it the entries of a shop's first days.
MIN_ROWS = 16
MIN_BITS = 3
#: Nobody needs to count further: with 15 bits C <= √R holds up to a thousand million rows.
MAX_ROWS = 1 << 16
MAX_BITS = 15
#: Longer than any name, address or number; nobody normalises a megabyte for a search.
MAX_LENGTH = 320

_APOSTROPHES = dict.fromkeys(map(ord, "'’‘ʼ`´"))
# Combining classes from 10 on are accents, vowel points and tone marks; below are nuktas, viramas and voicing marks,
# which make another letter.
_FIRST_ACCENT = 10

Mac = Callable[[str, bytes], bytes]


def planned_bits(rows: int) -> int:
    """Return how many bits an entry keeps when ``rows`` subjects are live: 3 to 15, so that 2 <= rows / 2^bits < 4.

    Below 16 rows it is 3, and at 65,536 rows it stays 15.
    """
    rows = min(max(rows, MIN_ROWS), MAX_ROWS)
    return (rows // 2).bit_length() - 1


# === NORMALISATION === #


def normalise(field: str, text: str, country: str | None = None) -> str:
    """Return what is digested for ``text``: equal for all spellings that mean the same; empty if nothing is left.

    :param field: a key of :data:`FIELDS`
    :param country: ISO 3166 code of the subject's country, for numbers written without their country code
    """
    text = text[:MAX_LENGTH]
    if field == "name":
        return _normal_name(text)
    if field == "email":
        return "".join(unicodedata.normalize("NFKC", text).split()).casefold()
    if field == "phone":
        return _normal_phone(text, country)[0]
    raise KeyError(field)


def _normal_name(text: str) -> str:
    """Return the words in alphabetical order, without case, accents, apostrophes and punctuation."""
    text = unicodedata.normalize("NFKD", text).translate(_APOSTROPHES).casefold()
    # case folding may compose again (ŉ) or bring marks of its own (İ)
    text = unicodedata.normalize("NFKD", text).translate(_APOSTROPHES)
    kept = []
    for char in text:
        kind = unicodedata.category(char)[0]
        if kind in "LN" or (kind == "M" and unicodedata.combining(char) < _FIRST_ACCENT):
            kept.append(char)
        elif kind != "M":
            kept.append(" ")
    return " ".join(sorted("".join(kept).split()))


def _normal_phone(text: str, country: str | None) -> tuple[str, str]:
    """Return ``(digits of the E.164 number, extension)``; the digits as written when no plan knows the number."""
    try:
        number = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException:
        return "".join(str(unicodedata.digit(char)) for char in text if char.isdigit()), ""
    digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return digits.removeprefix("+"), number.extension or ""


def matches(field: str, wanted: str, held: str, country: str | None = None) -> bool:
    """Tell whether the held value is the wanted one, in any spelling.

    An extension counts when one is looked for: marketplaces put many customers behind one number.
    """
    if field == "phone":
        wanted_number, wanted_extension = _normal_phone(wanted[:MAX_LENGTH], country)
        number, extension = _normal_phone(held[:MAX_LENGTH], country)
        return bool(number) and number == wanted_number and wanted_extension in ("", extension)
    normal = normalise(field, wanted, country)
    return bool(normal) and normal == normalise(field, held, country)


# === ENTRIES === #


def entry(digest: bytes, bits: int) -> str:
    """Return the entry that keeps the first ``bits`` (1 to 32) of ``digest``."""
    if not 1 <= bits <= 32 or len(digest) < 4:
        raise ValueError("An entry keeps 1 to 32 bits of a digest of at least 4 bytes.")
    return f"{bits}:{int.from_bytes(digest[:4], 'big') >> (32 - bits):x}"


def _bytes(normal: str) -> bytes:
    # a browser can send half a surrogate pair; it must be found nowhere rather than end in an error
    return normal.encode("utf-8", "surrogatepass")


def values_of(field: str, content: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return the different values of ``field`` in ``{class: {key: text}}``."""
    found = {content[cls].get(key): None for cls in CLASSES if cls in content for key in FIELDS[field]}
    return [text for text in found if text]


def columns(
    content: Mapping[str, Mapping[str, str]], country: str | None, bits: int, mac: Mac
) -> dict[str, str | bool]:
    """Return ``{"<field>_index": entries or False}`` of all fields for ``{class: {key: text}}``.

    :param mac: ``mac(field, data)`` gives 32 bytes under the key of the subject's day
    """
    result: dict[str, str | bool] = {}
    for field in FIELDS:
        normals = dict.fromkeys(normalise(field, text, country) for text in values_of(field, content))
        entries = dict.fromkeys(entry(mac(field, _bytes(normal)), bits) for normal in normals if normal)
        result[f"{field}_index"] = SEPARATOR.join(entries) or False
    return result


def merged(first: str | bool | None, second: str | bool | None) -> str | bool:
    """Return the entries of two columns in one, each once."""
    entries = dict.fromkeys(text for column in (first, second) if column for text in column.split(SEPARATOR))
    return SEPARATOR.join(entries) or False


def wanted_entries(field: str, text: str, countries: Iterable[str | None], mac: Mac) -> list[str]:
    """Return every entry that a subject of one bucket may have for ``text``: of each country, with each number of bits.

    :param countries: the ISO codes of the bucket's subjects; they matter to telephone numbers only
    :param mac: as in :func:`columns`, under the bucket's key
    """
    normals = dict.fromkeys(normalise(field, text, country) for country in (countries if field == "phone" else (None,)))
    return [
        entry(digest, bits)
        for digest in [mac(field, _bytes(normal)) for normal in normals if normal]
        for bits in range(MIN_BITS, MAX_BITS + 1)
    ]

"""What a value may look like as *text*, before it is encoded: order of words, accents, letter case, telephone styles.

A variant is ``(parts, text)``; ``parts`` names what was done, nothing for the value as it is.
ASCII letter case needs no variant: needles and data are both folded with ``bytes.lower()``.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator

Variant = tuple[tuple[str, ...], str]

ORDER_FORMS = ("swapped", "comma", "no_space", "joined", "reversed", "rot13", "token", "digits", "phone")
LETTER_FORMS = ("nfd", "no_accents", "upper", "lower")

_SPECIAL = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "đ": "d", "Đ": "D"}
)
_MAX_NAME_WORDS = 4
_TOKEN = re.compile(r"[0-9A-Za-z]{10,}")
_MIN_DIGITS = 9


def strip_accents(text: str) -> str:
    """``text`` without combining marks and with the usual ASCII spelling of ß, ø, ł, æ, œ, đ."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_SPECIAL))
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def variants(value: str) -> Iterator[Variant]:
    """Every text form of ``value``; long words first, because a text that contains one needs no needle of its own."""
    for order, text in _orders(value):
        seen = set()
        for letter, spelled in _spellings(text):
            if spelled not in seen:
                seen.add(spelled)
                yield (*order, *letter), spelled
    yield from _numbers(value)


def _orders(value: str) -> Iterator[Variant]:
    # A long unusual word is evidence on its own: it survives line breaks, mark-up and re-ordering around it.
    for token in _TOKEN.findall(value):
        if not token.isdigit():
            yield ("token",), token
            yield ("token", "reversed"), token[::-1]
            yield ("token", "rot13"), codecs.encode(token, "rot13")
    yield (), value
    words = value.split()
    if 2 <= len(words) <= _MAX_NAME_WORDS:
        for cut in range(1, len(words)):
            first, last = " ".join(words[:cut]), " ".join(words[cut:])
            yield ("swapped",), f"{last} {first}"
            yield ("comma",), f"{last}, {first}"
            yield ("comma",), f"{last},{first}"
    if len(words) > 1:
        yield ("no_space",), "".join(words)
        for separator in "-_.":
            yield ("joined",), separator.join(words)
    yield ("reversed",), value[::-1]
    yield ("rot13",), codecs.encode(value, "rot13")


def _spellings(text: str) -> Iterator[Variant]:
    yield (), text
    yield ("upper",), text.upper()
    yield ("lower",), text.lower()
    yield ("no_accents",), strip_accents(text)
    yield ("nfd",), unicodedata.normalize("NFD", text)


def _numbers(value: str) -> Iterator[Variant]:
    digits = "".join(char for char in value if char.isdigit())
    if len(digits) < _MIN_DIGITS:
        return
    if re.fullmatch(r"\+?[\d ()./-]+", value):
        yield from ((("phone",), text) for text in _phones(value, digits))
    elif not re.fullmatch(r"[A-Z]{0,3}[\d .-]+", value):
        return  # digits scattered over an address are no number
    yield ("digits",), digits
    if value.startswith("+"):
        yield ("phone", "e164"), "+" + digits


def _phones(value: str, digits: str) -> Iterator[str]:
    """National and international spellings of a telephone number, for each country code that it may have."""
    if not value.startswith("+"):
        return
    first = re.match(r"\+(\d{1,3})\b", value)
    codes = [first.group(1)] if first else [digits[:length] for length in (1, 2, 3)]
    for code in codes:
        national = digits[len(code) :]
        if len(national) < _MIN_DIGITS:
            continue
        pairs = _grouped(national, 2)
        triples = _grouped(national, 3)
        for groups in (national, pairs, triples):
            for separator in " -.\u00a0/":
                text = separator.join(groups) if isinstance(groups, list) else groups
                yield text
                yield "0" + text
                yield f"+{code}{separator}{text}"
                yield f"(+{code}){separator}{text}"
                yield f"+{code} (0){text}"
                yield f"+{code} (0) {text}"


def _grouped(digits: str, size: int) -> list[str]:
    """Groups of ``size`` counted from the right: ``639981234``, 2 -> 6 39 98 12 34."""
    head = len(digits) % size
    return [part for part in (digits[:head], *(digits[i : i + size] for i in range(head, len(digits), size))) if part]

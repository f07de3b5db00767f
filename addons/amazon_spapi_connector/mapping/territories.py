"""Which addresses lie in a territory with VAT rules of its own. Pure; the rows are data (``spapi.territory``).

The postcode decides wherever there is one. A town of its own (Livigno) is also known by its name, because its postcode
has changed and the old one, shared with neighbours, is still written. A region decides only for want of a postcode.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

_SEPARATORS = re.compile(r"[\s\-.]+")
_RANGE = re.compile(r"([0-9]+)-([0-9]+)")
_LETTERS = re.compile(r"[^a-z0-9]+")
POSTCODE, TOWN, REGION, COUNTRY = "postcode", "town", "region", "country"


@dataclass(frozen=True, slots=True)
class Territory:
    """A row.

    :param key: whatever the caller knows it by
    :param country: ISO code that the address bears
    :param zips: prefixes (``35``, ``BT``), whole postcodes, or ranges of equal length (``97100-97699``)
    :param towns: normalised by :func:`plain`
    :param regions: names or codes, normalised by :func:`plain`
    """

    key: int
    country: str
    zips: tuple[str, ...] = ()
    towns: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()

    @property
    def is_whole_country(self) -> bool:
        """A country code that is a territory by itself (Monaco)."""
        return not (self.zips or self.towns or self.regions)


def plain(text: str) -> str:
    """A name without accents, case and punctuation: ``Büsingen am Hochrhein`` → ``busingen am hochrhein``."""
    folded = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode().casefold()
    return _LETTERS.sub(" ", folded).strip()


def names(text: str | None) -> frozenset[str]:
    """The names of a comma-separated list."""
    return frozenset(filter(None, map(plain, (text or "").split(","))))


def zip_rules(text: str | None) -> tuple[str, ...]:
    """The rules of a comma-separated list, in capitals and without blanks.

    :raises ValueError: a range whose ends differ in length or order
    """
    rules = tuple(filter(None, (re.sub(r"\s", "", rule).upper() for rule in (text or "").split(","))))
    for rule in rules:
        ends = _RANGE.fullmatch(rule)
        if ends and (len(ends[1]) != len(ends[2]) or ends[1] > ends[2]):
            raise ValueError(rule)
    return rules


def find(
    territories: Iterable[Territory], country: str, postcode: str = "", town: str = "", region: str = ""
) -> tuple[int, str] | None:
    """(key, what it was known by) of the territory of an address, or None.

    :param country: ISO code of the address
    """
    rows = [row for row in territories if row.country == country]
    if not rows:
        return None
    code = _postcode(postcode, country)
    for row in rows:
        if code and any(_zip_matches(rule, code) for rule in row.zips):
            return row.key, POSTCODE
    name = plain(town)
    for row in rows:
        if name and name in row.towns:
            return row.key, TOWN
    area = plain(region)
    for row in rows:
        if area and not code and area in row.regions:
            return row.key, REGION
    return next(((row.key, COUNTRY) for row in rows if row.is_whole_country), None)


def _postcode(text: str, country: str) -> str:
    """The postcode in capitals, without blanks and without the country's letters before its digits (``E-35001``)."""
    code = _SEPARATORS.sub("", text).upper()
    for prefix in (country, {"ES": "E", "FR": "F", "DE": "D", "IT": "I", "FI": "AX"}.get(country, "")):
        if prefix and code.startswith(prefix) and code[len(prefix) :].isdigit():
            return code[len(prefix) :]
    return code


def _zip_matches(rule: str, code: str) -> bool:
    if ends := _RANGE.fullmatch(rule):
        head = code[: len(ends[1])]
        return len(head) == len(ends[1]) and head.isdigit() and ends[1] <= head <= ends[2]
    return code.startswith(rule)

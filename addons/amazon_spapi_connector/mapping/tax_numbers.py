"""Whether a buyer's tax number can be right, by its form and check digits alone. Pure: nobody is asked."""

from __future__ import annotations

import re

from stdnum import get_cc_module
from stdnum.exceptions import ValidationError

VALID, INVALID, NOT_CHECKED = "valid", "invalid", "not_checked"
_PREFIX = re.compile(r"[A-Z]{2}")
# Greece writes EL before its numbers; Northern Ireland XI before British ones.
_COUNTRY_OF_PREFIX = {"EL": "GR", "XI": "GB"}
_OTHER_KINDS = {"BR": ("cnpj", "cpf")}


def normal(number: str) -> str:
    """The number in capitals, without blanks and punctuation."""
    return re.sub(r"[^A-Z0-9]", "", number.upper())


def check(number: str, country: str) -> str:
    """``valid``, ``invalid``, or ``not_checked`` where no rule is known.

    :param country: ISO code of the address, for a number without prefix
    """
    code = normal(number)
    if not code:
        return NOT_CHECKED
    known = False
    for owner, digits in _readings(code, country):
        for kind in ("vat", *_OTHER_KINDS.get(owner, ())):
            module = get_cc_module(owner.lower(), kind)
            if module is None:
                continue
            known = True
            try:
                module.validate(digits)
            except ValidationError:
                continue
            return VALID
    return INVALID if known else NOT_CHECKED


def split(number: str, country: str) -> tuple[str, str]:
    """(prefix as VIES wants it, digits) of a number, the country's prefix where it bears none."""
    code = normal(number)
    prefix = "EL" if country == "GR" else country
    head = code[:2]
    if _PREFIX.fullmatch(head) and (head == prefix or get_cc_module(_owner(head).lower(), "vat") is not None):
        return ("EL" if head == "GR" else head), code[2:]
    return prefix, code


def _owner(prefix: str) -> str:
    return _COUNTRY_OF_PREFIX.get(prefix, prefix)


def _readings(code: str, country: str) -> list[tuple[str, str]]:
    """How it may be meant: with the country in front, or without."""
    readings = []
    if _PREFIX.fullmatch(code[:2]):
        readings.append((_owner(code[:2]), code[2:]))
    readings.append((_owner(country), code))
    return readings

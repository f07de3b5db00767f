"""Which product a SKU probably is: the same code written otherwise. Pure, no Odoo.

Sellers write one article as ``AB-12``, ``ab_12``, ``AB 12-FBA`` or ``AB12 DE``. What differs in that alone is the same
code (score 1). What differs in a letter or two is worth showing to a person, and never decided by a program; what
differs in a digit is another article.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from difflib import SequenceMatcher

CHANNELS = frozenset("afn amazon amz fba fbm mfn prime sfp".split())
"""Words that sellers add to a code to tell their listings apart."""
COUNTRIES = frozenset("ae au be br ca de eg es eu fr gb ie in it jp mx nl pl sa se sg tr uk us za".split())
CLOSE = 0.82
"""Ratio of :mod:`difflib` from which two codes are shown as similar: one letter of six may differ."""
EDGE = 3
"""Codes are compared if they share so many characters at their beginning or end."""
CROWD = 500
"""So many codes at most are compared with one: whole collections bear the brand's letters and the digits of a year."""


def normalised(code: str) -> str:
    """Letters and digits of a code, without case, width and accents' spelling."""
    text = unicodedata.normalize("NFKC", code).casefold()
    return "".join(char for char in text if char.isalnum())


def core(code: str) -> str:
    """:func:`normalised` without the words for a channel, and without a country at the end."""
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", code).casefold())
    kept = [word for word in words if word not in CHANNELS]
    if len(kept) > 1 and kept[-1] in COUNTRIES:
        kept.pop()
    return "".join(kept) or normalised(code)


def gtin(code: str) -> str:
    """A trade number without leading zeros (an EAN-13 is a GTIN-14 with a zero), or an ISBN-10's EAN; else ""."""
    text = re.sub(r"[\s-]", "", code or "").upper()
    if re.fullmatch(r"\d{9}[\dX]", text):
        digits = [10 if char == "X" else int(char) for char in text]
        if sum((10 - place) * digit for place, digit in enumerate(digits)) % 11 == 0:
            body = "978" + text[:9]
            check = -sum(int(char) * (3 if place % 2 else 1) for place, char in enumerate(body)) % 10
            return f"{body}{check}"
    return text.lstrip("0") if re.fullmatch(r"\d{8,14}", text) else ""


class Index:
    """The codes of all products, ready to be looked through for many SKUs.

    :param codes: (key of the product, its code)
    """

    def __init__(self, codes: Iterable[tuple[int, str]]) -> None:
        self._same: dict[str, list[int]] = defaultdict(list)
        self._groups: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        for key, code in codes:
            text = core(code)
            if not text:
                continue
            if text not in self._same:
                for group in _groups(text):
                    self._groups[group].add(text)
            self._same[text].append(key)

    def find(self, sku: str, limit: int = 5) -> list[tuple[int, float]]:
        """``[(key, score)]``, the most similar first; 1.0 is the same code written otherwise."""
        text = core(sku)
        if not text:
            return []
        scores = dict.fromkeys(self._same.get(text, ()), 1.0)
        matcher = SequenceMatcher(autojunk=False)
        matcher.set_seq2(text)
        for other in self._near(text) - {text}:
            matcher.set_seq1(other)
            if matcher.real_quick_ratio() < CLOSE or matcher.quick_ratio() < CLOSE:
                continue
            if (ratio := matcher.ratio()) >= CLOSE:
                scores.update(dict.fromkeys(self._same[other], ratio))
        return sorted(scores.items(), key=lambda found: (-found[1], found[0]))[:limit]

    def _near(self, text: str) -> set[str]:
        """Codes with the same digits that begin or end like `text`; of a crowd those that do both, or none."""
        head, tail = (self._groups.get(group, set()) for group in _groups(text))
        for near in (head | tail, head & tail):
            if len(near) <= CROWD:
                return near
        return set()


def _groups(text: str) -> list[tuple[str, str, str]]:
    """The groups of codes that a code is compared with: those of the same digits and with an edge in common."""
    digits = "".join(char for char in text if char.isdigit())
    return [(digits, "head", text[:EDGE]), (digits, "tail", text[-EDGE:])]

"""What a password may be; plain Python."""

from __future__ import annotations

import re
import unicodedata

#: Code of a fault → kind of character that is missing.
KINDS = {
    "upper": str.isupper,
    "lower": str.islower,
    "digit": str.isdigit,
    "special": lambda char: not char.isalnum() and not char.isspace(),
}
#: Shorter parts of a name are in too many words to be a hint.
SHORTEST_PART = 3


def name_parts(*names: str | None) -> set[str]:
    """Return the parts of a login and a name that a password must not contain, folded.

    ``anna.rossi@shop.example.com`` gives ``anna.rossi``, ``anna`` and ``rossi``; what follows the @ is the company's.
    """
    found: set[str] = set()
    for name in names:
        own = _fold(name or "").partition("@")[0]
        found |= {own, *re.split(r"[\W_]+", own)}
    return {part for part in found if len(part) >= SHORTEST_PART}


def faults(password: str, least: int, parts: set[str]) -> list[str]:
    """Return the codes of what is wrong: ``length``, a key of :data:`KINDS`, ``name``.

    :param least: characters that it has at least
    :param parts: of :func:`name_parts`
    """
    found = ["length"] if len(password) < least else []
    found += [code for code, is_of in KINDS.items() if not any(is_of(char) for char in password)]
    folded = _fold(password)
    if any(part in folded for part in parts):
        found.append("name")
    return found


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()

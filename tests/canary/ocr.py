"""Text that only an eye can read (pages drawn as outlines, scans, labels): tesseract, compared with tolerance."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator

from .canaries import Canary
from .variants import strip_accents, variants

_TIMEOUT = 180  # seconds for one page
_MIN_FUZZY = 8
_MIN_NUMBER = 10
_TOLERANCE = 0.15
# What an engine takes for one another becomes one character.
_CONFUSED = str.maketrans("01i|!58269q", "ollllsbzggg")
_PAIRS = (("vv", "w"), ("rn", "m"), ("cl", "d"))


def normalise(text: str) -> str:
    """Lower-case letters and digits without accents, confusable ones merged, all else removed."""
    plain = strip_accents(text).lower().translate(_CONFUSED)
    plain = "".join(char for char in plain if char.isascii() and char.isalnum())
    for pair, single in _PAIRS:
        plain = plain.replace(pair, single)
    return plain


class FuzzyNeedles:
    """The values and their long words, searched in OCR text with up to 15 % wrong characters."""

    def __init__(self, canaries: Iterable[Canary]) -> None:
        self._needles: dict[str, tuple[str, int]] = {}
        for canary in canaries:
            for parts, text in variants(canary.value):
                if set(parts) & {"reversed", "rot13", "no_space", "joined", "upper", "lower"}:
                    continue
                plain = normalise(text)
                # A number must be whole and long: with errors it would soon be found in any other number.
                number = not any(char.isalpha() for char in text)
                if len(plain) >= (_MIN_NUMBER if number else _MIN_FUZZY):
                    errors = 0 if number else int(len(plain) * _TOLERANCE)
                    self._needles.setdefault(plain, (canary.field, errors))

    def find(self, text: str) -> Iterator[str]:
        """The fields that occur in ``text``, each once."""
        plain = normalise(text)
        found = set()
        for needle, (field, errors) in self._needles.items():
            if field not in found and _occurs(needle, plain, errors):
                found.add(field)
                yield field


def _occurs(needle: str, text: str, errors: int) -> bool:
    """``needle`` is in ``text`` with at most ``errors`` characters wrong, missing or too many.

    Of ``errors + 1`` pieces of the needle one must be there unharmed: only around such pieces is it computed.
    """
    pieces = errors + 1
    bounds = [len(needle) * i // pieces for i in range(pieces + 1)]
    for start, end in zip(bounds, bounds[1:], strict=False):
        piece = needle[start:end]
        at = text.find(piece)
        while at >= 0:
            begin = max(at - start - errors, 0)
            if _distance(needle, text[begin : at + len(needle) - start + errors]) <= errors:
                return True
            at = text.find(piece, at + 1)
    return False


def _distance(needle: str, text: str) -> int:
    """Fewest edits that turn ``needle`` into some part of ``text`` (Sellers)."""
    row = [0] * (len(text) + 1)
    for i, char in enumerate(needle, 1):
        previous, row = row, [i]
        for j, other in enumerate(text, 1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (char != other)))
    return min(row)


class TextCache:
    """OCR results by content: the same document lies in a filestore, a mail and a backup."""

    def __init__(self) -> None:
        self._texts: dict[bytes, tuple[str, ...]] = {}

    def get(self, data: bytes, read) -> tuple[str, ...]:
        """``tuple(read())`` for ``data``, computed once."""
        key = hashlib.sha256(data).digest()
        if key not in self._texts:
            self._texts[key] = tuple(read())
        return self._texts[key]


def available() -> str:
    """``""`` if pictures can be read, else what is missing."""
    return "" if shutil.which("tesseract") else "tesseract is not installed"


def read_picture(path: str) -> str:
    """The text of one picture file, upright or turned.

    :raises subprocess.SubprocessError: tesseract failed or took too long
    """
    # Mode 1 finds out the orientation, 3 takes the page upright; a page with too little text for 1 falls to 3.
    for mode in ("1", "3"):
        done = subprocess.run(
            ["tesseract", path, "-", "--psm", mode, "--dpi", "200"],
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )
        if done.returncode == 0 and done.stdout.strip():
            return done.stdout.decode("utf-8", "replace")
    if done.returncode:
        raise subprocess.SubprocessError("tesseract cannot read the picture")
    return ""

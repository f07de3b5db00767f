"""From canaries to the byte strings that are searched for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from .canaries import Canary
from .encodings import FORMS, HASHED, digest, forms_for
from .variants import variants

MIN_BYTES = 8
"""Shortest needle: the matcher's anchor, and the least that does not occur by chance."""

_GUARDED_DIGITS = 11
_PGLZ_RUN = 8


@dataclass(frozen=True, slots=True, eq=False)
class Needle:
    """Bytes to find, folded with ``bytes.lower()``.

    :ivar parts: ``(offset from the start, bytes)``, all of which must be there; more than one only for gapped forms
    :ivar field: field of the canary
    :ivar form: what was done to the value, dot-separated (``as_is`` for nothing)
    :ivar alone: a short number, which counts only when no further digit stands beside it
    """

    parts: tuple[tuple[int, bytes], ...]
    field: str
    form: str
    alone: bool = False


def compile_needles(canaries: Iterable[Canary], without: Collection[str] = frozenset()) -> list[Needle]:
    """All needles of ``canaries``, without those that need a form named in ``without``.

    A needle that contains another one of the same canary is left out: wherever it stands, the shorter one is found.
    """
    without = frozenset(without)
    needles: list[Needle] = []
    owners: dict[bytes, str] = {}
    for canary in canaries:
        for data, form in _minimal(canary, without):
            # Two canaries may share bytes (a company named after its owner): one hit, the first one's name.
            if owners.setdefault(data, canary.field) == canary.field:
                alone = data.isdigit() and len(data) < _GUARDED_DIGITS
                needles.append(Needle(((0, data),), canary.field, form, alone))
        if "pglz" not in without:
            needles.extend(_pglz(canary))
    return needles


def _minimal(canary: Canary, without: frozenset[str]) -> Iterator[tuple[bytes, str]]:
    forms: dict[bytes, str] = {}
    digests: dict[bytes, str] = {}
    tokens: list[str] = []
    for parts, text in variants(canary.value):
        if without and not without.isdisjoint(parts):
            continue
        if "digest" not in without and not HASHED.isdisjoint(parts or ("as_is",)):
            label = ".".join((*parts, "digest"))
            digests.update((data.lower(), label) for data in digest(text) if data.lower() not in digests)
        if any(token in text for token in tokens):
            continue
        if "token" in parts:
            tokens.append(text)
        for name in forms_for(parts):
            if name not in without:
                label = ".".join((*parts, *((name,) if name != "utf8" else ()))) or "as_is"
                for data in FORMS[name](text):
                    if len(data) >= MIN_BYTES:
                        forms.setdefault(data.lower(), label)
    yield from ((data, forms[data]) for data in _without_longer(forms))
    yield from digests.items()


def _without_longer(texts: Iterable[bytes]) -> Iterator[bytes]:
    """``texts`` without those that contain another one."""
    by_head: dict[bytes, list[bytes]] = {}
    for data in sorted(texts, key=len):
        heads = (by_head.get(data[start : start + MIN_BYTES], ()) for start in range(len(data) - MIN_BYTES + 1))
        if any(data.startswith(short, start) for start, shorts in enumerate(heads) for short in shorts):
            continue
        yield data
        # A guarded number does not stand in for a longer one: beside digits it is not counted.
        if not (data.isdigit() and len(data) < _GUARDED_DIGITS):
            by_head.setdefault(data[:MIN_BYTES], []).append(data)


def _pglz(canary: Canary) -> Iterator[Needle]:
    """PostgreSQL's own compression keeps new text literally but puts a control byte after every eight bytes.

    A dead, compressed TOAST row is out of reach for SQL; this finds it in the raw file, for every place the word may
    have in the groups of eight. (A word whose parts occurred earlier in the same value is a back-reference and hides.)
    """
    for parts, token in variants(canary.value):
        data = token.encode().lower()
        if parts != ("token",) or len(data) < _PGLZ_RUN + 3:
            continue
        for head in range(1, _PGLZ_RUN + 1):
            cuts = [0, *range(head, len(data), _PGLZ_RUN), len(data)]
            runs = [data[start:end] for start, end in zip(cuts, cuts[1:], strict=False)]
            if max(map(len, runs)) < MIN_BYTES:
                continue
            placed, offset = [], 0
            for run in runs:
                placed.append((offset, run))
                offset += len(run) + 1
            yield Needle(tuple(placed), canary.field, "token.pglz")

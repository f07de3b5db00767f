"""Find the rows of a chain that were edited, deleted or inserted, and name them.

Each row carries its own MAC and the one of the row before it. A row whose MAC fits its content and its predecessor's
MAC was written by somebody with the key, after exactly that predecessor. So blame falls on single rows, and checking
goes on behind them: an edited row does not taint those that follow.
"""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from .chain import Value, next_mac

EDITED, MISSING, INSERTED, UNVERIFIABLE = "edited", "missing", "inserted", "unverifiable"
#: Findings are merged while they touch; a table that was rewritten in patches must not fill the memory.
MAX_FINDINGS = 1000


@dataclass(slots=True)
class Finding:
    """Rows ``first`` to ``last`` (numbers, inclusive) and what is wrong with them."""

    kind: str
    first: int
    last: int
    detail: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it was found. ``values``: ``chain.ROW_COLUMNS`` in order, the first is the number."""

    values: Sequence[Value]
    previous_mac: str | None
    mac: str | None

    @property
    def number(self) -> int:
        return self.values[0]

    @property
    def at(self) -> datetime | None:
        return self.values[1]


class Verifier:
    """Takes rows in the order of their numbers; :attr:`findings` grows.

    :param key_of: K for the row number and time, or a text that says why there is none
    :param start: number and MAC of the row before the first one to check
    :param end: number up to which rows are known to have been written
    :param known: ``{number: [(MAC, who says so), …]}``: MACs that rows are known to have had
    """

    def __init__(
        self,
        key_of: Callable[[int, datetime], bytes | str],
        start: tuple[int, str],
        end: int,
        known: dict[int, list[tuple[str, str]]] | None = None,
    ) -> None:
        self._key_of = key_of
        self._last, self._mac = start
        self._end = end
        self._known = defaultdict(list, known or {})
        self._previous_is_bad = False
        self.findings: list[Finding] = []
        self.dropped = 0
        self.rows = 0

    def feed(self, row: Row) -> None:
        """Check one row against the one before it."""
        self.rows += 1
        number = row.number
        if number == self._last and self.rows > 1:
            self._duplicate(row)
            return
        if number > self._end:
            self._add(INSERTED, number, "It was added to the table and never written by the log.")
            return
        if number > self._last + 1:
            self._missing(self._last + 1, number - 1)
            self._previous_is_bad = True
        bad = self._examine(row)
        for mac, source in self._known.pop(number, ()):
            if row.mac != mac and not bad:
                bad = f"It is not the row that {source} names under this number."
        if bad:
            kind = UNVERIFIABLE if bad.startswith("Key") else EDITED
            self._add(kind, number, bad)
        self._last, self._mac, self._previous_is_bad = number, row.mac, bool(bad)

    def finish(self) -> None:
        """Say which rows are missing at the end."""
        if self._last < self._end:
            self._missing(self._last + 1, self._end)

    def _examine(self, row: Row) -> str | None:
        """Return what is wrong with a row, None if nothing is."""
        if row.at is None or row.mac is None or row.previous_mac is None:
            return "Its time or its seal was emptied."
        key = self._key_of(row.number, row.at)
        if isinstance(key, str):
            return key
        own = next_mac(key, row.previous_mac, row.values)
        fits = _same(own, row.mac)
        follows = self._previous_is_bad or row.previous_mac == self._mac
        if fits and follows:
            return None
        if fits:
            # it is as it was written, after another row than the one that stands there now
            self._add(EDITED, self._last, f"It is not the row after which row {row.number} was written.")
            return None
        if not follows and self._mac and _same(next_mac(key, self._mac, row.values), row.mac):
            return "The seal of the row before it, which it carries, was changed."
        return "Its content or its seal was changed."

    def _duplicate(self, row: Row) -> None:
        self._add(INSERTED, row.number, "Its number is there twice; one of the two was added to the table.")

    def _missing(self, first: int, last: int) -> None:
        sources = {source for number, known in self._known.items() if first <= number <= last for _mac, source in known}
        detail = "Deleted from the table."
        if sources:
            detail = f"Deleted from the table; still named by {', '.join(sorted(sources))}."
        self._add(MISSING, first, detail, last)

    def _add(self, kind: str, first: int, detail: str, last: int | None = None) -> None:
        last = first if last is None else last
        newest = self.findings[-1] if self.findings else None
        if newest and newest.kind == kind and newest.last in (first, first - 1) and kind != MISSING:
            newest.last = last
        elif len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(kind, first, last, detail))
        else:
            self.dropped += 1


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "replace"))

"""What a scan found, where it looked, and what it could not read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """``count`` occurrences of one field in one form at one place; ``excerpt`` is redacted."""

    place: str
    field: str
    form: str
    count: int
    excerpt: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A place, or a part of one, that could not be read, and why. A scan with one of these proves nothing about it."""

    place: str
    reason: str


@dataclass(slots=True)
class Report:
    """Accumulates the results of one or many scans."""

    needles: int = 0
    places: int = 0
    blobs: int = 0
    bytes: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    _found: dict[tuple[str, str, str], list] = field(default_factory=dict)

    def add(self, place: str, name: str, form: str, count: int, excerpt: str) -> None:
        """Count ``count`` more hits of field ``name``; the first excerpt is kept."""
        entry = self._found.setdefault((place, name, form), [0, excerpt])
        entry[0] += count

    def skip(self, place: str, reason: str) -> None:
        """Record that (a part of) ``place`` was not read."""
        entry = Skipped(place, reason)
        if entry not in self.skipped:
            self.skipped.append(entry)

    @property
    def findings(self) -> list[Finding]:
        """One per place, field and form, ordered."""
        return [Finding(*key, count, excerpt) for key, (count, excerpt) in sorted(self._found.items())]

    @property
    def clean(self) -> bool:
        """Nothing found, nothing left unread, and something looked at."""
        return not self._found and not self.skipped and self.places > 0 and self.needles > 0

    def fields(self, prefix: str = "") -> set[str]:
        """The fields found at places whose name starts with ``prefix``."""
        return {name for place, name, _form in self._found if place.startswith(prefix)}

    def places_with(self, names: Iterable[str] | None = None) -> set[str]:
        """The places where any of the fields ``names`` (default: any field) was found."""
        wanted = None if names is None else set(names)
        return {place for place, name, _form in self._found if wanted is None or name in wanted}

    def table(self, limit: int = 200) -> str:
        """Findings by place as text, with what was skipped below; at most ``limit`` rows of each."""
        rows = [("place", "field", "form", "hits", "excerpt")]
        rows += [(f.place, f.field, f.form, str(f.count), f.excerpt) for f in self.findings[:limit]]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [
            "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]) for row in rows
        ]
        if not self._found:
            lines = ["no canary found"]
        if (more := len(self._found) - limit) > 0:
            lines.append(f"… and {more} more findings")
        lines += [f"NOT READ {entry.place}: {entry.reason}" for entry in self.skipped[:limit]]
        if (more := len(self.skipped) - limit) > 0:
            lines.append(f"… and {more} more places not read")
        lines.append(f"{self.places} places, {self.blobs} pieces, {self.bytes} bytes, {self.needles} needles")
        return "\n".join(lines)

    def figures(self, prefix: str = "") -> str:
        """``FIGURE name value unit`` lines for a test's output."""
        numbers = (
            ("places_scanned", self.places, "places"),
            ("pieces_scanned", self.blobs, "pieces"),
            ("bytes_scanned", self.bytes, "bytes"),
            ("needles", self.needles, "needles"),
            ("findings", len(self._found), "findings"),
            ("places_not_read", len(self.skipped), "places"),
        )
        return "\n".join(f"FIGURE {prefix}{name} {value} {unit}" for name, value, unit in numbers)

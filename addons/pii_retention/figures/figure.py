"""What is said of one figure."""

from __future__ import annotations

from dataclasses import dataclass

Value = int | bool | str | None


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    :param name: column of ``pii.policy``
    :param unit: of the value, in words; empty where the value speaks for itself
    :param strict: the strict default; None for a fact of the company (its time zone) that no policy fixes
    :param choices: of a selection, the strictest first
    :param s1: what the source says, empty if nothing; likewise ``s2`` and ``dpp``
    :param clauses: where it says so
    """

    name: str
    topic: str
    unit: str
    strict: Value
    direction: str
    least: int | None = None
    most: int | None = None
    bound: str = ""
    choices: tuple[str, ...] = ()
    s1: str = ""
    s2: str = ""
    dpp: str = ""
    clauses: str = ""

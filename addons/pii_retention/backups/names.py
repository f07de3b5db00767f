"""Names of backups: ``LABEL-YYYYMMDDTHHMMSSZ.KIND.age``. Pure, no Odoo.

A name says what a file is and when it was taken without anybody's database: the register may be older than a backup
(it was restored from one), and rows of it can be written by whoever writes to the database. So what is deleted, or
taken for a backup, is decided by the name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath

from .places import DATABASE, FILES, KEYS

SUFFIX = ".age"
_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(rf"([^/\0]+)-([0-9]{{8}}T[0-9]{{6}}Z)\.({DATABASE}|{FILES}|{KEYS}){re.escape(SUFFIX)}")
#: What a backup is called while it is written.
_HALF = re.compile(r"\.(.+)\.half")


@dataclass(frozen=True, slots=True)
class Name:
    """What a name says.

    :param label: the database, or the beginning of the key store's id
    :param taken: UTC, naive as Odoo keeps it, seconds
    :param kind: ``database``, ``files`` or ``keys``
    """

    label: str
    taken: datetime
    kind: str

    def __str__(self) -> str:
        return f"{self.label}-{self.mark}.{self.kind}{SUFFIX}"

    @property
    def mark(self) -> str:
        """The moment as it stands in the name; parts of one backup share it."""
        return self.taken.strftime(_STAMP)


def parse(name: str) -> Name | None:
    """Return what the name of a file says, None if it is no backup of ours."""
    found = _NAME.fullmatch(name)
    if not found:
        return None
    try:
        taken = datetime.strptime(found[2], _STAMP)
    except ValueError:
        return None
    return Name(found[1], taken, found[3])


def half_of(name: str) -> str:
    """Return the name that a backup has while it is written."""
    return f".{name}.half"


def parse_half(name: str) -> Name | None:
    """Return what an unfinished file was to become, None if it is none of ours."""
    found = _HALF.fullmatch(name)
    return parse(found[1]) if found else None


def age_of(path: PurePath, now: datetime) -> float | None:
    """Return how many hours ago a backup was taken, None if it is none of ours.

    :param now: aware
    """
    found = parse(path.name)
    return (now - found.taken.replace(tzinfo=UTC)).total_seconds() / 3600 if found else None

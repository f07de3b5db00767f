"""Names of keys: which company, which bucket, which generation.

=============================================  ==============================================================
``day/<domain>/<YYYY-MM-DD>[/<generation>]``   destroyed on that day; all personal data of the company due then
``archive/<domain>/<YYYY>[/<generation>]``     destroyed after that year; documents that a statute keeps
``secret/<domain>[/<generation>]``             credentials of the company; rotated, not tied to a date
``log/<domain>/<YYYY-MM>[/<generation>]``      seals the access log of that month; outlives the log's retention
=============================================  ==============================================================

``domain`` is the company's key domain: one per company and database, never shared, so that no key serves two merchants.
A *generation* exists because an id can never be used again once its key was destroyed: when one subject of a bucket is
erased early, the others move to the next generation. The first generation is written without a number.

Ids consist of ``a-z 0-9 _ - /`` only, which makes them safe as file names, inside tokens and in logs.
"""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from uuid import UUID

from .errors import InvalidName

MAX_DOMAIN = 64
MAX_GENERATION = 999_999
KINDS = ("day", "archive", "secret", "log")

_DOMAIN = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*")
_CLASS = re.compile(r"[a-z][a-z0-9_]{0,31}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTH = re.compile(r"(?:19|20|21)[0-9]{2}-(?:0[1-9]|1[0-2])")
_YEAR = re.compile(r"(?:19|20|21)[0-9]{2}")
_GENERATION = re.compile(r"[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True)
class KeyId:
    """A parsed key id. ``bucket``: an ISO date, a month, a year, or empty for secrets; ``generation`` counts from 1."""

    kind: str
    domain: str
    bucket: str = ""
    generation: int = 1

    def __str__(self) -> str:
        parts = [self.kind, self.domain]
        if self.bucket:
            parts.append(self.bucket)
        if self.generation > 1:
            parts.append(str(self.generation))
        return "/".join(parts)

    def next(self) -> "KeyId":
        """The following generation of the same bucket.

        :raises InvalidName: after generation 999999
        """
        if self.generation >= MAX_GENERATION:
            raise InvalidName(f"A bucket has at most {MAX_GENERATION} generations.")
        return replace(self, generation=self.generation + 1)


def parse_key_id(key_id: str) -> KeyId:
    """Split and validate a key id; ``str(parse_key_id(x)) == x`` for every accepted ``x``.

    :raises InvalidName: for anything else, path tricks included
    """
    if not isinstance(key_id, str):
        raise InvalidName("A key id is a text.")
    return _parsed(key_id)


@lru_cache(maxsize=1024)
def _parsed(key_id: str) -> KeyId:
    """As :func:`parse_key_id`. A batch of subjects names the same few keys hundreds of times."""
    parts = key_id.split("/")
    parsed = None
    if len(parts) >= 2 and parts[0] in KINDS:
        kind, domain, *rest = parts
        bucket = rest.pop(0) if kind != "secret" and rest else ""
        if len(rest) <= 1 and all(_GENERATION.fullmatch(part) for part in rest):
            parsed = KeyId(kind, domain, bucket, int(rest[0]) if rest else 1)
    if parsed is None or str(parsed) != key_id or not _bucket_is_valid(parsed):
        raise InvalidName(
            "A key id reads day/<domain>/<YYYY-MM-DD>, archive/<domain>/<YYYY>, log/<domain>/<YYYY-MM> or "
            "secret/<domain>, optionally followed by /<generation> from 2 on."
        )
    check_domain(parsed.domain)
    return parsed


def _bucket_is_valid(key_id: KeyId) -> bool:
    if key_id.kind == "secret":
        return not key_id.bucket
    if key_id.kind == "archive":
        return bool(_YEAR.fullmatch(key_id.bucket))
    if key_id.kind == "log":
        return bool(_MONTH.fullmatch(key_id.bucket))
    if not _DAY.fullmatch(key_id.bucket):
        return False
    try:
        date.fromisoformat(key_id.bucket)
    except ValueError:
        return False
    return True


def day_key_id(domain: str, day: date) -> str:
    """Id of the key that dies on ``day`` (a calendar day; the caller decides in which time zone it ends).

    :raises InvalidName: for a malformed domain, or a ``datetime`` (its day depends on a time zone we do not know)
    """
    if not isinstance(day, date) or isinstance(day, datetime):
        raise InvalidName("A day key is named by a date, not by a point in time or a text.")
    return str(parse_key_id(f"day/{check_domain(domain)}/{day.isoformat()}"))


def archive_key_id(domain: str, year: int) -> str:
    """Id of the key for documents to be kept until the end of ``year`` (1900-2199)."""
    return str(parse_key_id(f"archive/{check_domain(domain)}/{year:04d}"))


def secret_key_id(domain: str) -> str:
    """Id of the key that seals a company's credentials."""
    return str(parse_key_id(f"secret/{check_domain(domain)}"))


def log_key_id(domain: str, month: str | date) -> str:
    """Id of the key that seals the access log of a month.

    :param month: ``YYYY-MM``, or any day of it (the caller decides in which time zone a month begins)
    :raises InvalidName: for a malformed domain or month, or a ``datetime``
    """
    if isinstance(month, datetime) or not isinstance(month, str | date):
        raise InvalidName("A log key is named by YYYY-MM or by a date, not by a point in time.")
    bucket = month if isinstance(month, str) else month.strftime("%Y-%m")
    return str(parse_key_id(f"log/{check_domain(domain)}/{bucket}"))


def in_scope(key_id: str, prefix: str) -> bool:
    """Whether ``key_id`` is or lies below ``prefix``, by whole segments: ``day/acme`` does not cover ``day/acme2``."""
    prefix = prefix.rstrip("/")
    return not prefix or key_id == prefix or key_id.startswith(prefix + "/")


def check_domain(domain: str) -> str:
    """Return ``domain`` if it is a valid key domain.

    :raises InvalidName: unless it is 1-64 characters, groups of a-z0-9 joined by single ``-`` or ``_``
    """
    if not isinstance(domain, str) or len(domain) > MAX_DOMAIN or not _DOMAIN.fullmatch(domain):
        raise InvalidName(f"A key domain is 1-{MAX_DOMAIN} characters: groups of a-z and 0-9 joined by single - or _.")
    return domain


def check_class(cls: str) -> str:
    """Return ``cls`` if it is a valid retention class (``operational``, ``fiscal``, …).

    :raises InvalidName: unless it is 1-32 characters a-z0-9_ starting with a letter
    """
    if not isinstance(cls, str) or not _CLASS.fullmatch(cls):
        raise InvalidName("A retention class is 1-32 characters a-z, 0-9 or _, and starts with a letter.")
    return cls


def check_uuid(subject_uuid: str | UUID) -> str:
    """Return the subject's UUID in its one canonical spelling (lower case, with hyphens).

    :raises InvalidName: if it is not a UUID in the usual 36-character form
    """
    text = str(subject_uuid).lower() if isinstance(subject_uuid, str | UUID) else ""
    try:
        canonical = str(UUID(text))
    except ValueError:
        canonical = None
    if canonical is None or canonical != text:
        raise InvalidName("A subject is named by a UUID in its 36-character form.")
    return canonical

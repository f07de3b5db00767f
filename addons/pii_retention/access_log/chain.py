"""What a row is sealed with.

``mac[n] = HMAC-SHA-256(K, mac[n-1] ‖ canonical(row n))``, written in hex. K is derived from the key of the month in
which the row was written (``log/<chain>/<YYYY-MM>`` in the key store), so whoever can edit the database cannot compute
a MAC. The number of a row is its database id; numbers follow each other without gaps.

Seals form a second chain of the same make, whose K has another label.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime

#: The MAC before the first row of a chain.
START = "0" * 64
#: Columns of ``pii_access_log`` that a MAC covers, in this order. A new column goes to the end, with a new VERSION.
ROW_COLUMNS = (
    "id",
    "at",
    "user_ref",
    "company_ref",
    "subject_uuid",
    "reference",
    "classes",
    "purpose",
    "reason",
    "channel",
    "session",
    "address",
    "outcome",
    "cause",
    "grant_ref",
    "document",
    "acting_ref",
)
#: Columns of ``pii_log_seal`` that a seal's MAC covers, in this order.
SEAL_COLUMNS = ("id", "at", "kind", "chain", "database", "day", "first_row", "last_row", "row_count", "last_mac")
VERSION = b"1"
ROW_LABEL, SEAL_LABEL = "log/row", "log/seal"

Value = str | int | datetime | date | None
#: ``mac(key_id, data, label=...)`` of a keyring.
KeyedMac = Callable[..., bytes]


def canonical(values: Sequence[Value]) -> bytes:
    """Return the one encoding of ``values``; no two different sequences share it.

    Each value is a type letter and its text, with its length in bytes before it. Points in time are naive UTC and
    carry microseconds, as PostgreSQL keeps them.
    """
    parts = [VERSION, len(values).to_bytes(2, "big")]
    for value in values:
        if value is None:
            raw = b"-"
        elif isinstance(value, str):
            raw = b"s" + value.encode("utf-8")
        elif isinstance(value, bool):
            raise TypeError("A log has no booleans.")
        elif isinstance(value, int):
            raw = b"i%d" % value
        elif isinstance(value, datetime):
            raw = b"t" + value.isoformat(timespec="microseconds").encode("ascii")
        else:
            raw = b"d" + value.isoformat().encode("ascii")
        parts += (len(raw).to_bytes(4, "big"), raw)
    return b"".join(parts)


def month_of(at: datetime) -> str:
    """Return the month (``YYYY-MM``) whose key seals what was written at ``at`` (naive UTC)."""
    return f"{at.year:04d}-{at.month:02d}"


def month_key(mac: KeyedMac, key_id: str, label: str) -> bytes:
    """Return K of a month and a kind of chain: 32 bytes. Keep it for one operation, never longer."""
    return mac(key_id, b"K", label=label)


def next_mac(key: bytes, previous: str, values: Sequence[Value]) -> str:
    """Return the MAC (64 hex digits) of a row that follows the row with MAC ``previous``."""
    return hmac.digest(key, previous.encode("ascii", "replace") + canonical(values), "sha256").hex()


def utc_now() -> datetime:
    """Return the present as naive UTC with microseconds."""
    return datetime.now(UTC).replace(tzinfo=None)

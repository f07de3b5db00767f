"""What runs once a day: seal the days that have ended, let go of those that are older than the retention."""

from __future__ import annotations

from datetime import datetime, timedelta

from ..crypto import Keyring
from . import sealing, writer
from .sealing import Seal


def seal_days(env, keyring: Keyring) -> list[Seal]:
    """Seal each day that has ended (UTC) and is not sealed yet; days without rows get no seal.

    The log's lock is held; the caller commits. Seals that a full disk kept from being anchored are anchored now.
    """
    cr = env.cr
    head = writer.ensure_head(env, keyring)
    found = sealing.load(cr)
    anchored = {(entry[0], entry[4]) for entry in sealing.anchored(keyring, head.chain)}
    for seal in found:
        if seal.chain == head.chain and (seal.id, seal.mac) not in anchored:
            cr.postcommit.add(lambda seal=seal: sealing.anchor(keyring, seal))
    start = max((seal.last_row for seal in found if seal.kind in ("start", "day", "expired")), default=0)
    today = datetime.combine(head.now.date(), datetime.min.time())
    made = []
    while True:
        cr.execute("SELECT at FROM pii_access_log WHERE id > %s ORDER BY id LIMIT 1", [start])
        row = cr.fetchone()
        if not row or row[0] is None or row[0] >= today:
            return made
        end = datetime.combine(row[0].date(), datetime.min.time()) + timedelta(days=1)
        cr.execute(
            "SELECT id, mac FROM pii_access_log WHERE id > %s AND at < %s ORDER BY id DESC LIMIT 1", [start, end]
        )
        last, mac = cr.fetchone()
        made.append(sealing.add(env, keyring, head, "day", row[0].date(), start + 1, last, last - start, mac or ""))
        start = last


def expire_day(env, keyring: Keyring, before: datetime) -> Seal | None:
    """Delete the oldest sealed day if all of it was written before ``before``; None if there is none.

    The log's lock is held; the caller commits, day by day. The mark is written before the rows go: PostgreSQL's
    trigger lets only rows go that a mark covers, and only such as are older than the retention.
    """
    cr = env.cr
    seals = sealing.load(cr)
    gone = max((seal.last_row for seal in seals if seal.kind == "expired"), default=0)
    day = next((seal for seal in seals if seal.kind == "day" and seal.last_row > gone), None)
    if day is None:
        return None
    cr.execute("SELECT max(at), count(*), min(id) FROM pii_access_log WHERE id <= %s", [day.last_row])
    newest, count, first = cr.fetchone()
    if (newest or datetime.combine(day.day, datetime.max.time())) >= before:
        return None
    head = writer.ensure_head(env, keyring)
    first = first if first is not None else day.first_row
    mark = sealing.add(env, keyring, head, "expired", day.day, first, day.last_row, count, day.last_mac)
    cr.execute("DELETE FROM pii_access_log WHERE id <= %s", [day.last_row])
    return mark

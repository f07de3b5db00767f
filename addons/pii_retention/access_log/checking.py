"""Check the log in the database against its seals, its head, and what is remembered outside of the database."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from .. import keys
from ..crypto import InvalidName, Keyring, KeyUnavailable, log_key_id
from . import chain, guard, sealing, verify, writer
from .base import database_uuid, own_env
from .sealing import Seal
from .verify import Finding, Row, Verifier

SEAL, HEAD, GUARD = "seal", "head", "guard"
_CHUNK = 2000
#: Chains are named by UUIDs; other registers lie beside the keys under names of their own.
_CHAIN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DECLARE = """DECLARE pii_access_log_rows NO SCROLL CURSOR FOR
              SELECT id, at, user_ref, company_ref, subject_uuid, reference, classes, purpose, reason, channel, session,
                     address, outcome, cause, grant_ref, document, acting_ref, previous_mac, mac
                FROM pii_access_log WHERE id > %s ORDER BY id, mac"""


@dataclass(slots=True)
class Result:
    """What a check found in rows ``first_row`` to ``last_row``; ``dropped``: findings beyond the first 1000."""

    rows: int = 0
    seals: int = 0
    first_row: int = 0
    last_row: int = 0
    full: bool = True
    dropped: int = 0
    findings: list[Finding] = field(default_factory=list)


def check(env, *, since: int = 0, cr=None) -> Result:
    """Return what is wrong with the log. Reads only; memory stays flat.

    :param since: a row up to which an earlier check found nothing: checking starts at the last day's seal before it,
        unless rows before that were deleted or added
    :param cr: read on this cursor; without one, in a transaction of its own that sees what is committed now
    :raise UserError: the key store cannot be used
    """
    if cr is not None:
        return _Check(cr).run(since)
    with env.registry.cursor() as own:
        # what is remembered outside is read before the snapshot: rows appended meanwhile must not look lost
        found = _Check(own)
        own.rollback()
        return found.run(since)


class _Check:
    def __init__(self, cr) -> None:
        self.cr = cr
        self.env = own_env(cr)
        self.keyring: Keyring = keys.keyring(self.env)
        self.result = Result()
        self._keys: dict[tuple[str, str, str], bytes | str] = {}
        seals = sealing.load(cr)
        self.chain = self._head()[0] or (seals[-1].chain if seals else None)
        self.furthest = self.chain and writer.furthest_known(cr.dbname, self.keyring, self.chain)

    def run(self, since: int) -> Result:
        result, cr = self.result, self.cr
        self._guard()
        seals = sealing.load(cr)
        result.seals = len(seals)
        chain_id, number, mac = self._head()
        if not seals and chain_id is None:
            cr.execute("SELECT count(*) FROM pii_access_log WHERE mac IS NOT NULL")
            if cr.fetchone()[0]:
                self._add(HEAD, 0, "The log's head and all seals are gone.")
            self._other_chains(set())
            return result
        if chain_id is None:
            self._add(HEAD, 0, "The log's head is gone.")
        good = self._seals(seals)
        known, end = self._known(good)
        if chain_id is not None:
            end = max(end, number)
        if self.furthest:
            known[self.furthest[0]].append((self.furthest[1], "the server's memory of the last row"))
            end = max(end, self.furthest[0])
            if chain_id is not None and number < self.furthest[0]:
                text = f"The log's head stands at row {number}, but row {self.furthest[0]} was written."
                self._add(HEAD, number, text)
        start = self._start(good, since)
        self._rows(good, start, end, known, (number, mac) if chain_id is not None else None)
        return result

    # === PARTS === #

    def _add(self, kind: str, number: int, detail: str) -> None:
        self.result.findings.append(Finding(kind, number, number, detail))

    def _head(self) -> tuple[str | None, int, str]:
        self.cr.execute("SELECT chain, number, mac FROM pii_log_head WHERE id = 1")
        return self.cr.fetchone() or (None, 0, chain.START)

    def _guard(self) -> None:
        for text in guard.findings(self.cr):
            self._add(GUARD, 0, text)

    def _key(self, chain_id: str, at: datetime, label: str) -> bytes | str:
        """Return K, or the text that says why there is none."""
        month = chain.month_of(at)
        if (chain_id, month, label) not in self._keys:
            try:
                found = chain.month_key(self.keyring.mac, log_key_id(chain_id, month), label)
            except KeyUnavailable as error:
                found = str(error)
            except InvalidName:
                found = "Its time was changed."
            self._keys[chain_id, month, label] = found
        return self._keys[chain_id, month, label]

    def _seals(self, seals: list[Seal]) -> list[Seal]:
        """Check the seals among themselves and against their anchors; return those that can be believed."""
        good, expected, previous = [], 1, chain.START
        for seal in seals:
            if seal.id != expected:
                self._add(SEAL, expected, f"Seals {expected} to {seal.id - 1} are missing.")
                previous = seal.previous_mac
            key = self._key(seal.chain, seal.at, chain.SEAL_LABEL)
            if isinstance(key, str):
                self._add(SEAL, seal.id, key)
            elif seal.previous_mac != previous or chain.next_mac(key, seal.previous_mac, seal.values) != seal.mac:
                self._add(SEAL, seal.id, f"Seal {seal.id} was changed or added.")
            else:
                good.append(seal)
            expected, previous = seal.id + 1, seal.mac
        self._anchors(seals)
        return good

    def _anchors(self, seals: list[Seal]) -> None:
        by_id = {seal.id: seal for seal in seals}
        chains = {seal.chain for seal in seals}
        for chain_id in sorted(chains):
            anchored = defaultdict(set)
            for number, _kind, _last, _mac, seal_mac, _database in sealing.anchored(self.keyring, chain_id):
                anchored[number].add(seal_mac)
            for number, macs in sorted(anchored.items()):
                seal = by_id.get(number)
                if seal is None or seal.chain != chain_id:
                    self._add(SEAL, number, f"Seal {number} is kept beside the keys, but gone from the database.")
                elif seal.mac not in macs:
                    self._add(SEAL, number, f"Seal {number} is not the one that is kept beside the keys.")
                elif len(macs) > 1:
                    self._add(SEAL, number, f"Two databases wrote a seal {number}: one is a copy of the other.")
        self._other_chains(chains)

    def _other_chains(self, chains: set[str]) -> None:
        """Look for a chain of this database that is anchored and that the database knows nothing of."""
        database = database_uuid(self.env)
        for name in self.keyring.anchors.names():
            if name not in chains and _CHAIN.fullmatch(name):
                found = sealing.anchored(self.keyring, name)
                if found and found[0][5] == database:
                    self._add(HEAD, 0, f"The chain {name} of this database, with {len(found)} seals, was removed.")

    def _known(self, good: list[Seal]) -> tuple[dict[int, list[tuple[str, str]]], int]:
        """Return the MACs that rows must have by the seals and their anchors, and the last row these speak of."""
        known, end = defaultdict(list), 0
        for seal in good:
            end = max(end, seal.last_row)
            if seal.kind == "day":
                known[seal.last_row].append((seal.last_mac, f"the seal of {seal.day}"))
        for chain_id in {seal.chain for seal in good}:
            for number, kind, last, mac, _seal, _database in sealing.anchored(self.keyring, chain_id):
                end = max(end, last)
                if kind == "day":
                    known[last].append((mac, f"the anchor of seal {number}"))
        return known, end

    def _start(self, good: list[Seal], since: int) -> tuple[int, str]:
        """Return number and MAC of the row before the first one to check; look for rows that stand before it."""
        origin = next((seal for seal in reversed(good) if seal.kind == "expired"), None)
        origin = origin or next((seal for seal in good if seal.kind == "start"), None)
        if origin is None:
            self.result.first_row = 1
            return 0, chain.START
        older = origin.row_count if origin.kind == "start" else 0
        resume = [seal for seal in good if seal.kind == "day" and origin.last_row < seal.last_row <= since]
        if resume:
            last = resume[-1]
            self.cr.execute("SELECT count(*) FROM pii_access_log WHERE id <= %s", [last.last_row])
            if self.cr.fetchone()[0] == last.last_row - origin.last_row + older:
                self.result.full = False
                return last.last_row, last.last_mac
        self.cr.execute("SELECT count(*), max(id) FROM pii_access_log WHERE id <= %s", [origin.last_row])
        count, newest = self.cr.fetchone()
        if count > older:
            text = f"{count - older} rows stand before the beginning of the chain."
            self.result.findings.append(Finding(verify.INSERTED, newest, newest, text))
        elif count < older:
            text = f"{older - count} of the rows from before the chain are gone."
            self.result.findings.append(Finding(verify.MISSING, 1, origin.last_row, text))
        return origin.last_row, origin.last_mac

    def _rows(self, good: list[Seal], start, end: int, known, head: tuple[int, str] | None) -> None:
        starts = [seal for seal in good if seal.kind == "start"]
        firsts = [seal.first_row for seal in starts]

        def key_of(number: int, at: datetime) -> bytes | str:
            index = max(bisect_right(firsts, number) - 1, 0)
            chain_id = starts[index].chain if starts else self.chain
            return self._key(chain_id, at, chain.ROW_LABEL)

        verifier = Verifier(key_of, start, end, {n: macs for n, macs in known.items() if n > start[0]})
        head_mac = start[1] if head and head[0] == start[0] else None
        for row in self._stream(start[0]):
            verifier.feed(row)
            if head and row.number == head[0]:
                head_mac = row.mac
        verifier.finish()
        result = self.result
        blamed = any(found.first <= head[0] <= found.last for found in verifier.findings) if head else True
        if not blamed and head_mac is not None and head_mac != head[1]:
            self._add(HEAD, head[0], f"The log's head does not fit row {head[0]}.")
        result.findings += verifier.findings
        result.dropped = verifier.dropped
        result.rows, result.first_row, result.last_row = verifier.rows, start[0] + 1, end

    def _stream(self, after: int) -> Iterator[Row]:
        cr = self.cr
        cr.execute(_DECLARE, [after])
        while True:
            cr.execute("FETCH %s FROM pii_access_log_rows", [_CHUNK])
            rows = cr.fetchall()
            for row in rows:
                yield Row(row[:-2], row[-2], row[-1])
            if len(rows) < _CHUNK:
                break
        cr.execute("CLOSE pii_access_log_rows")

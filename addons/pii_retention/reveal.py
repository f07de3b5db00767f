"""The one place where plaintext comes into being.

``with subjects.reveal(purpose) as env:`` yields an environment in which the partners of the subjects hold
their real data, so that Odoo's own code and other modules' render documents as if they had always held it.
What makes that safe is not politeness:

* the access log has its rows, committed on another connection, before the first key is read;
* from entry to exit PostgreSQL itself refuses every write (a read-only subtransaction);
* the plaintext lives in the field cache of a transaction object of its own, dropped on exit; the cache of
  the surrounding transaction never sees it;
* no statement that writes, and would fail and be logged, carries a revealed value to the server, and none that reads
  has a name, street, e-mail address, telephone number or text as its parameter;
* log records and exceptions are masked while, and after, the values are in memory.

Order of entry: check and log, open the blobs, flush, savepoint, read-only, swap. Exit undoes it in reverse,
whatever happened inside, and leaves the outer transaction usable.
"""

from __future__ import annotations

import re
from collections import defaultdict
from contextlib import contextmanager
from copy import deepcopy

from odoo import api, fields
from odoo.http import request
from odoo.orm.environments import Transaction
from odoo.sql_db import BaseCursor
from odoo.tools import SQL
from odoo.tools.misc import Callbacks

from . import logmask, seeding, statements

#: Statements that steer the transaction, wherever one begins.
_CONTROL = re.compile(
    r"(?:^|;)(?:\s|/\*.*?\*/|--[^\n]*\n)*(savepoint|release|rollback|commit|abort|end|begin|start|prepare)\b([^;]*)",
    re.IGNORECASE | re.DOTALL,
)


class SeededCache(dict):
    """A field's cache whose seeded entries cannot be invalidated."""

    __slots__ = ("seed",)

    def __init__(self, seed: dict):
        super().__init__(seed)
        self.seed = seed

    def clear(self):
        super().clear()
        self.update(self.seed)

    def pop(self, key, *default):
        value = super().pop(key, *default)
        if key in self.seed:
            self[key] = self.seed[key]
        return value

    def __delitem__(self, key):
        self.pop(key)


class SeededFieldData(defaultdict):
    """``Transaction.field_data`` that brings the seeded caches back after each invalidation, until the end."""

    def __init__(self, seeds: dict):
        super().__init__(dict)
        self.seeds = seeds
        self.is_open = True

    def __missing__(self, field):
        if not self.is_open:
            raise RuntimeError("This record belongs to a reveal that has ended; read it again outside.")
        cache = self[field] = SeededCache(self.seeds[field]) if field in self.seeds else {}
        return cache


class RevealTransaction(Transaction):
    """The ORM's memory of one reveal.

    :ivar opened: ``{subject id: set of classes}`` whose plaintext is in here
    :ivar values: ``{subject id: {vault key: text}}``, what was opened; empty once the block has ended
    :ivar is_open: False once the block has ended; a record that escaped from it reads and writes nothing
    """

    __slots__ = ("is_open", "opened", "seeds", "values")

    def __init__(self, registry, opened: dict[int, frozenset[str]], values: dict[int, dict[str, str]]):
        super().__init__(registry)
        self.seeds = defaultdict(dict)
        self.field_data = SeededFieldData(self.seeds)
        self.opened = opened
        self.values = values
        self.is_open = True

    def seed(self, seeds: dict) -> None:
        """Pin ``{field: {record id: cache value}}``; not for fields whose cache depends on the context."""
        for field, values in seeds.items():
            self.seeds[field].update(values)
            self.field_data.pop(field, None)
        for env in self.envs:
            env.__dict__.pop("_field_cache_memo", None)

    def close(self) -> None:
        """Forget everything; called once on exit."""
        self.is_open = False
        self.values = {}
        self.seeds.clear()
        self.clear()
        self.field_data.is_open = False


def is_open_on(cr) -> bool:
    """Tell whether a reveal is open on this cursor; records read before it are then read-only as well."""
    return isinstance(cr.transaction, RevealTransaction)


def current(env) -> RevealTransaction | None:
    """Return the reveal that ``env`` belongs to, open or ended, or None outside of any."""
    transaction = env.transaction
    return transaction if isinstance(transaction, RevealTransaction) else None


def _check_control(query, savepoints: set[str]) -> None:
    """Refuse what would end the read-only part of the transaction; savepoints of the block itself are its own."""
    code = query.code if isinstance(query, SQL) else query
    code = code.decode("utf-8", "replace") if isinstance(code, bytes) else str(code)
    if ";" not in code and not _CONTROL.match(code):
        return
    for word, rest in _CONTROL.findall(code):
        word, name = word.lower(), rest.split()[-1].strip('"') if rest.split() else ""
        if word == "savepoint":
            savepoints.add(name)
        elif word not in ("release", "rollback") or name not in savepoints:
            raise RuntimeError("A reveal cannot commit or roll back: leave the block first.")


class _Guard:
    """Stand-ins for methods of one cursor while a reveal is open on it."""

    def __init__(self, cr: BaseCursor):
        self.cr = cr
        # a template sees the request: what it would put into the session is written to disk at the end of it
        self.session = deepcopy(dict(request.session)) if request else None
        self.saved = {
            name: cr.__dict__.get(name)
            for name in (
                *("execute", "commit", "rollback"),
                *("transaction", "cache", "precommit", "postcommit", "prerollback", "postrollback"),
            )
        }

    def install(self, transaction: RevealTransaction) -> None:
        execute, texts = self.cr.execute, statements.unneeded_texts(transaction.values)

        own_savepoints: set[str] = set()

        def guarded_execute(query, params=None, log_exceptions=True):
            _check_control(query, own_savepoints)
            query, params = statements.masked(query, params, texts)
            return execute(query, params, log_exceptions=log_exceptions)

        def refuse():
            raise RuntimeError("A reveal cannot commit or roll back: leave the block first.")

        cr = self.cr
        cr.execute, cr.commit, cr.rollback = guarded_execute, refuse, refuse
        cr.transaction = transaction
        # both may hold plaintext that would outlive the block: what is put there inside is dropped on exit
        cr.cache = {}
        cr.precommit, cr.postcommit = Callbacks(), Callbacks()
        cr.prerollback, cr.postrollback = Callbacks(), Callbacks()

    def remove(self) -> None:
        if self.session is not None and request and dict(request.session) != self.session:
            request.session.clear()
            request.session.update(self.session)
        for name, value in self.saved.items():
            if value is None and name in ("execute", "commit", "rollback"):
                self.cr.__dict__.pop(name, None)
            else:
                setattr(self.cr, name, value)


@contextmanager
def open_reveal(subjects, opened: dict[int, frozenset[str]], values: dict[int, dict[str, str]]):
    """Yield the environment in which ``subjects`` are readable. Called by ``pii.subject.reveal`` only,
    which has checked the user and written the log.

    :param subjects: non-empty ``pii.subject`` recordset
    :param opened: ``{subject id: classes opened}``
    :param values: ``{subject id: {vault key: text}}``
    """
    env = subjects.env
    cr = env.cr
    env.flush_all()
    guard = _Guard(cr)
    transaction = RevealTransaction(env.registry, opened, values)
    savepoint = f"reveal_{id(transaction):x}"
    cr.execute(SQL("SAVEPOINT %s; SET TRANSACTION READ ONLY", SQL.identifier(savepoint)))
    masking = None
    try:
        masking = logmask.push(logmask.compile_values(text for vals in values.values() for text in vals.values()))
        guard.install(transaction)
        inner = api.Environment(cr, env.uid, dict(env.context), env.su)
        seeding.seed_partners(inner, inner["pii.subject"].browse(subjects.ids), values)
        yield inner
        # a write that the ORM still holds back must be refused here, not silently forgotten
        inner.flush_all()
    except BaseException as error:
        scrubbed = logmask.scrub_exception(error)
        if scrubbed is error:
            raise
        raise scrubbed from scrubbed.__cause__
    finally:
        # in this order: closing empties the cursor's cache, which must still be the one of the reveal
        transaction.close()
        guard.remove()
        if masking is not None:
            logmask.pop(masking)
        if not cr.closed:
            name = SQL.identifier(savepoint)
            cr.execute(SQL("ROLLBACK TO SAVEPOINT %s; RELEASE SAVEPOINT %s", name, name))


_original_set = fields.Field.__set__


def _set(self, records, value):
    if (
        self.compute
        and not self.store
        and not self.inverse
        and isinstance(records.env.transaction, RevealTransaction)
        and records.env.transaction.is_open
    ):
        with records.env.protecting([self], records):
            return _original_set(self, records, value)
    return _original_set(self, records, value)


def install() -> None:
    """Let what is not stored be assigned in memory alone inside a reveal; safe to call again.

    Some of Odoo's computes assign such a field to more records than they were asked for (the section of an
    invoice's line, while the invoice is rendered). The ORM makes that a write, and the model's override of it
    synchronises the whole document.
    """
    if fields.Field.__set__ is not _set:
        fields.Field.__set__ = _set

"""Sealed files that must leave the disk: at once, and whoever would like to keep them."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from contextvars import ContextVar

import psycopg2

from odoo import SUPERUSER_ID, api

_logger = logging.getLogger(__name__)

#: Set while the files of erased subjects are deleted: a company's audit trail must not keep them.
_erasing: ContextVar[bool] = ContextVar("pii_erasing_files", default=False)


@contextlib.contextmanager
def erasing() -> Iterator[None]:
    """Let sealed files be deleted although a company's audit trail keeps documents: the person's data must go."""
    token = _erasing.set(True)
    try:
        yield
    finally:
        _erasing.reset(token)


def is_erasing() -> bool:
    return _erasing.get()


def collect_after_commit(env, names) -> None:
    """Delete these files of the filestore once this transaction is committed, unless an attachment still uses one.

    Odoo's own collection of garbage runs once a day.
    """
    names = [name for name in names if name]
    if not names:
        return
    registry = env.registry

    def collect():
        try:
            with registry.cursor() as cr:
                _collect(api.Environment(cr, SUPERUSER_ID, {}), names)
        except psycopg2.Error:
            # somebody is attaching files right now; the nightly collection has them on its list
            _logger.info("%d replaced files are left to the collection of garbage", len(names))

    env.cr.postcommit.add(collect)


def _collect(env, names: list[str]) -> None:
    # as Odoo's own collection does it: nobody may start to use a file between the look and the deletion
    env.cr.execute("SET LOCAL lock_timeout TO '1s'")
    env.cr.execute("LOCK ir_attachment IN SHARE MODE")
    env.cr.execute("SELECT store_fname FROM ir_attachment WHERE store_fname = ANY(%s)", [names])
    for name in set(names).difference(row[0] for row in env.cr.fetchall()):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(env["ir.attachment"]._full_path(name))

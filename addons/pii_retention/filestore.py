"""Sealed files that must leave the disk: at once, overwritten, and whoever would like to keep them.

A file's name is noted in the database in the transaction that lets go of it (``pii.doomed.file``). After the commit the
file is overwritten and removed, then the note. Whatever is interrupted, the next purge finds the note.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import psycopg2

from odoo import SUPERUSER_ID, api
from odoo.tools import SQL, split_every

_logger = logging.getLogger(__name__)

#: Set while the files of erased subjects are deleted: a company's audit trail must not keep them.
_erasing: ContextVar[bool] = ContextVar("pii_erasing_files", default=False)

_PENDING = "pii_retention.doomed_files"
_AT_ONCE = 1000
_BLOCK = 1 << 20
_WRITERS = 8
#: End of the name of a file on its way out. Odoo gives no file a name with a dot.
ASIDE = ".gone"


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


def delete_of(env, subject_ids: Sequence[int]) -> int:
    """Delete all sealed files of these subjects, rows and content; return how many.

    Set-based: a day may have a hundred thousand. The content leaves the disk once this transaction is committed.
    """
    attachments = env["ir.attachment"]
    env.flush_all()
    env.cr.execute(SQL("SELECT id, store_fname FROM ir_attachment WHERE pii_subject_id = ANY(%s)", list(subject_ids)))
    found = env.cr.fetchall()
    if not found:
        return 0
    ids = [row[0] for row in found]
    names = [name for _id, name in found if name]
    env.cr.execute(
        SQL(
            """UPDATE ir_attachment SET db_datas = decode(repeat('00', octet_length(db_datas)), 'hex')
                WHERE id = ANY(%s) AND db_datas IS NOT NULL""",
            ids,
        )
    )
    env.cr.execute(SQL("DELETE FROM ir_model_data WHERE model = 'ir.attachment' AND res_id = ANY(%s)", ids))
    env.cr.execute(SQL("DELETE FROM ir_attachment WHERE id = ANY(%s)", ids))
    for name in names:
        # storages elsewhere delete here; Odoo's own remembers the name for its collection of garbage
        attachments._file_delete(name)
    collect_after_commit(env, names)
    env.invalidate_all()
    return len(found)


def collect_after_commit(env, names) -> None:
    """Overwrite and delete these files of the filestore once this transaction is committed, unless one is in use.

    Odoo's own collection of garbage runs once a day, and leaves their bytes on the disk.
    """
    names = [name for name in names if name]
    if not names:
        return
    env.cr.execute(SQL("INSERT INTO pii_doomed_file (name) SELECT unnest(%s) ON CONFLICT DO NOTHING", names))
    pending = env.cr.postcommit.data.get(_PENDING)
    if pending is None:
        pending = env.cr.postcommit.data[_PENDING] = []
        registry = env.registry
        env.cr.postcommit.add(lambda: _collect_all(registry, pending))
    pending.extend(names)


def collect_left(env) -> int:
    """Delete the files that an interrupted process has noted and left; return how many notes there were."""
    count = 0
    while True:
        with env.registry.cursor() as cr:
            cr.execute("SELECT name FROM pii_doomed_file ORDER BY id LIMIT %s", [_AT_ONCE])
            names = [row[0] for row in cr.fetchall()]
        if not names or not _collect_all(env.registry, names):
            return count
        count += len(names)


def _collect_all(registry, names: Sequence[str]) -> bool:
    try:
        for some in split_every(_AT_ONCE, names):
            with registry.cursor() as cr:
                paths = _set_aside(api.Environment(cr, SUPERUSER_ID, {}), list(some))
            # side by side: each waits for the disk, which takes many at once
            with ThreadPoolExecutor(_WRITERS) as pool:
                list(pool.map(_overwrite_and_remove, paths))
            with registry.cursor() as cr:
                cr.execute("DELETE FROM pii_doomed_file WHERE name = ANY(%s)", [list(some)])
    except psycopg2.Error:
        # somebody is attaching files right now; the next purge finds the notes
        _logger.info("%d replaced files are left to the next purge", len(names))
        return False
    return True


def _set_aside(env, names: list[str]) -> list[str]:
    """Take the files that nobody uses out of the filestore, by another name; return the paths.

    Overwriting takes long, and must not keep others from attaching files.
    """
    # as Odoo's own collection does it: nobody may start to use a file between the look and the deletion
    # longer than deadlock_timeout (1 s), after which an automatic vacuum gives way
    env.cr.execute("SET LOCAL lock_timeout TO '3s'")
    env.cr.execute("LOCK ir_attachment IN SHARE MODE", log_exceptions=False)
    env.cr.execute("SELECT store_fname FROM ir_attachment WHERE store_fname = ANY(%s)", [names])
    paths = []
    for name in set(names).difference(row[0] for row in env.cr.fetchall()):
        path = env["ir.attachment"]._full_path(name)
        with contextlib.suppress(FileNotFoundError):  # gone, or set aside by a process that was interrupted
            os.rename(path, path + ASIDE)
        paths.append(path + ASIDE)
    return paths


def _overwrite_and_remove(path: str) -> None:
    """Overwrite a file in place, bring that to the disk, and remove it; nothing happens if it is gone."""
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            left = os.fstat(descriptor).st_size
            while left > 0:
                left -= os.write(descriptor, os.urandom(min(left, _BLOCK)))
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
        os.unlink(path)

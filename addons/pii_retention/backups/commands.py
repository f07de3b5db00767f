"""What ``odoo-bin pii_backup`` and ``odoo-bin pii_restore`` do with what they were told."""

from __future__ import annotations

import sys
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2

from odoo import SUPERUSER_ID, api
from odoo.exceptions import UserError
from odoo.modules.registry import Registry

from .. import after_restore, key_settings, transactions
from ..crypto import CryptoError
from . import key_database, names, new_database, places, restoring, sealing, taking, upkeep
from .errors import BackupError

_ERRORS = (BackupError, UserError, CryptoError, OSError, psycopg2.OperationalError)


def backup(database: str, given: Namespace) -> int:
    """Take backups of ``database``; return the exit code."""
    told = key_settings.backup_options()
    targets = {
        kind: Path(folder)
        for kind, folder in (
            (places.DATABASE, given.database_to or told["backup_database_to"]),
            (places.FILES, given.files_to or told["backup_files_to"]),
            (places.KEYS, given.keys_to or told["backup_keys_to"]),
        )
        if folder
    }
    if not targets:
        return _refused("Say where backups go: --database-to, --files-to, --keys-to.")
    wanted = taking.Wanted(
        targets,
        given.recipient or told["backup_recipients"].split(),
        given.keys_recipient or told["backup_keys_recipients"].split(),
        given.same_device,
    )
    with Registry(database).cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        try:
            made = taking.take(env, wanted)
        except _ERRORS as error:
            return _refused(str(error))
        for one in made:
            _say(f"{one._file()}  {int(one.size)} bytes  until {one.expires_on}Z")
    return 0


def restore(database: str, given: Namespace) -> int:
    """Restore into ``database``, or test its backups; return the exit code."""
    try:
        identities = sealing.identities_of(Path(given.identity))
        if given.from_keys:
            _restore_keys(given, identities)
        if given.test:
            return _test(database, identities)
        if given.from_database:
            return _restore_database(database, given, identities)
    except _ERRORS as error:
        return _refused(str(error))
    if not given.from_keys:
        return _refused("Say what to restore: --from-database, --from-keys or --test.")
    return 0


def _restore_keys(given: Namespace, identities: list) -> None:
    path = Path(given.from_keys)
    if not given.keys_to:
        raise BackupError("Say where the key store goes: --keys-to.")
    restoring.check_digest(path, None)
    restoring.check_age(path, given.hours)
    if key_database.is_dsn(given.keys_to):
        joined = key_database.restore(path, given.keys_to, identities, given.newest)
        _say("The key store is in its database.")
    else:
        newest = Path(given.newest) if given.newest else None
        joined = restoring.key_store(path, Path(given.keys_to), identities, newest)
        _say(f"The key store is in {given.keys_to}.")
    if joined:
        _say("Joined with the newer copy: " + ", ".join(f"{name} +{n}" for name, n in joined.items()) + ".")
    else:
        _say("Nothing newer was joined with it (--newest).")
    _say(
        "Before you start Odoo, run “odoo-bin pii_post_restore --older-ledger”: it writes into it what the database "
        "knows, and gives days whose newest key is lost another one."
    )


def _restore_database(database: str, given: Namespace, identities: list) -> int:
    parts = [Path(part) for part in (given.from_database, given.from_files) if part]
    for part in parts:
        restoring.check_digest(part, None)
    new_database.make(database)
    try:
        with new_database.at_work(database):
            restoring.database(parts[0], database, identities)
            if given.from_files:
                _say(f"{restoring.files(parts[1], database, identities)} files.")
    except BaseException:
        new_database.remove(database)
        raise
    try:
        with Registry(database).cursor() as cr:
            if named := names.parse(parts[0].name):
                upkeep.remember(api.Environment(cr, SUPERUSER_ID, {}), named.label)
        return after_restore.main(database, moved=given.moved, date_is_right=given.date_is_right)
    finally:
        new_database.finish(database)


def _test(database: str, identities: list) -> int:
    """Restore the newest backup of ``database`` beside it, look whether it works, remove it, and note the result.

    :raise BackupError: there is none, or it cannot be restored; that is noted too
    """
    for name in new_database.unfinished():  # of a test that was killed
        if new_database.is_copy_of(name, database):
            new_database.remove(name)
    with Registry(database).cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        parts = _newest(env)
        if not parts:
            raise BackupError("There is no backup of this database in the register.")
        try:
            result = _try(database, parts, identities)
        except _ERRORS as error:
            parts._record_failure(str(error))
            transactions.commit(env)
            raise
        parts._record_test(result)
        transactions.commit(env)
    _say(result)
    return 0


def _newest(env) -> Any:
    """Return the newest backup of the database, and of the files that was taken together with it."""
    register = env["pii.backup"]
    own = [("is_own", "=", True), ("state", "=", "present")]
    dump = register.search([("kind", "=", places.DATABASE), *own], limit=1)
    return dump | register.search([("kind", "=", places.FILES), ("run", "=", dump.run), *own], limit=1)


def _try(database: str, parts: Any, identities: list) -> str:
    """Restore backups into a database of another name, and remove it; return what was in it.

    :raise BackupError: they cannot be restored
    """
    name = new_database.copy_name(database, datetime.now(UTC))
    for part in parts:
        restoring.check_digest(Path(part._file()), part.sha256)
    new_database.make(name)
    try:
        with new_database.at_work(name):
            restoring.database(Path(parts[0]._file()), name, identities)
            count = sum(restoring.files(Path(part._file()), name, identities) for part in parts[1:])
            return f"{_look_at(name)} Files: {count}."
    finally:
        new_database.remove(name)


def _look_at(name: str) -> str:
    """Load a restored database, which opens nobody's data (its keys serve another), and say what is in it."""
    with Registry(name).cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        subjects = env["pii.subject"].search_count([])
        names = set(env["res.partner"].search([("pii_subject_id", "!=", False)], limit=50).mapped("name"))
        models = [model for model in ("sale.order", "account.move", "stock.picking") if model in env]
        counts = ", ".join(f"{env[model]._description}: {env[model].search_count([])}" for model in models)
        cr.rollback()
    return f"Restored and loaded. Data subjects: {subjects}, contacts looked at: {len(names)}. {counts}."


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")  # an answer at the command line
    sys.stdout.flush()


def _refused(text: str) -> int:
    sys.stderr.write(f"{text}\n")
    return 1

"""What ``odoo-bin pii_backup`` and ``odoo-bin pii_restore`` do with what they were told."""

from __future__ import annotations

import shutil
import subprocess
import sys
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

from odoo import SUPERUSER_ID, api
from odoo.exceptions import UserError
from odoo.modules.registry import Registry
from odoo.sql_db import close_db
from odoo.tools import config
from odoo.tools.misc import exec_pg_environ, find_pg_tool

from .. import after_restore, key_settings, transactions
from . import places, restoring, sealing, taking
from .errors import BackupError

_ERRORS = (BackupError, UserError, OSError)


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
        given.keep_expired,
    )
    with Registry(database).cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        try:
            made = taking.take(env, wanted)
        except _ERRORS as error:
            transactions.commit(env)  # what was finished is there, and registered
            return _refused(str(error))
        for one in made:
            _say(f"{one._file()}  {int(one.size)} bytes  until {one.expires_on}Z")
        transactions.commit(env)
    return 0


def restore(database: str, given: Namespace) -> int:
    """Restore into ``database``, or test its backups; return the exit code."""
    try:
        identities = sealing.identities_of(Path(given.identity))
        if given.from_keys:
            if not given.keys_to:
                raise BackupError("Say where the key store goes: --keys-to.")
            newest = Path(given.newest) if given.newest else None
            joined = restoring.key_store(Path(given.from_keys), Path(given.keys_to), identities, newest, given.hours)
            _say(f"The key store is in {given.keys_to}." + "".join(f" {name}: +{n}." for name, n in joined.items()))
            if not newest:
                _say(
                    "Nothing newer was joined with it (--newest). Start Odoo with “odoo-bin pii_post_restore "
                    "--older-ledger”: it writes into it what the database knows."
                )
        if given.test:
            return _test(database, identities)
        if given.from_database:
            restoring.check_digest(Path(given.from_database), None)
            restoring.database(Path(given.from_database), database, identities)
            if given.from_files:
                count = restoring.files(Path(given.from_files), database, identities)
                _say(f"{count} files.")
            return after_restore.main(database, moved=given.moved, date_is_right=given.date_is_right)
    except _ERRORS as error:
        return _refused(str(error))
    if not given.from_keys:
        return _refused("Say what to restore: --from-database, --from-keys or --test.")
    return 0


def _test(database: str, identities: list) -> int:
    """Restore the newest backup of ``database`` beside it, look whether it works, remove it, and note the result.

    :raise BackupError: there is none, or it cannot be restored; that is noted too
    """
    with Registry(database).cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        parts = {
            kind: env["pii.backup"].search(
                [("kind", "=", kind), ("is_own", "=", True), ("state", "=", "present")], limit=1
            )
            for kind in (places.DATABASE, places.FILES)
        }
        if not parts[places.DATABASE]:
            raise BackupError("There is no backup of this database in the register.")
        name = f"{database}_restored_{datetime.now(UTC):%Y%m%d%H%M%S}"
        try:
            for part in filter(None, parts.values()):
                restoring.check_digest(Path(part._file()), part.sha256)
            restoring.database(Path(parts[places.DATABASE]._file()), name, identities)
            count = restoring.files(Path(parts[places.FILES]._file()), name, identities) if parts[places.FILES] else 0
            result = f"{_look_at(name)} Files: {count}."
        finally:
            _remove(name)
        for part in filter(None, parts.values()):
            part._record_test(result)
        transactions.commit(env)
    _say(result)
    return 0


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


def _remove(name: str) -> None:
    Registry.delete(name)
    close_db(name)
    quoted = '"' + name.replace('"', '""') + '"'
    command = [
        find_pg_tool("psql"),
        "-X",
        "-q",
        "-d",
        "postgres",
        "-c",
        f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)",
    ]
    subprocess.run(command, env=exec_pg_environ(), check=False, stderr=subprocess.DEVNULL)
    shutil.rmtree(config.filestore(name), ignore_errors=True)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")  # an answer at the command line
    sys.stdout.flush()


def _refused(text: str) -> int:
    sys.stderr.write(f"{text}\n")
    return 1

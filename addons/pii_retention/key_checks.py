"""What can be wrong about keys in an installation, and what to do about it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from odoo.exceptions import UserError
from odoo.tools import SQL

from .crypto import IDENTITY, CryptoError, DatabaseIdentity, Keyring, PostgresKeyStore
from .key_settings import SECTION, Settings

SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to know about the keys of this installation.

    :param severity: ``error`` (production refuses to work), ``warning`` (should be put right), ``info``
    :param code: stable name of the rule
    :param text: what is the matter and what to do, for people
    """

    severity: str
    code: str
    text: str


def of_configuration(env, configured: Settings) -> list[Finding]:
    """Return what the configuration alone tells; nothing is opened."""
    found = []
    if configured.master_key == "none":
        found.append(
            Finding(
                "error" if configured.production else "info",
                "no_master_key",
                env._(
                    "The keys lie in the key store as they are: a copy of it opens everything. Configure a master key "
                    "in the section [%(section)s] of Odoo's configuration file (master_key = file:/path, env:NAME, "
                    "aws-kms:ARN or transit:https://host/mount/key), restart Odoo and re-wrap the keys. A test "
                    "instance works without one when it says “environment = test” there.",
                    section=SECTION,
                ),
            )
        )
    if configured.production and not configured.backup_paths:
        found.append(
            Finding(
                "warning",
                "backup_paths",
                env._(
                    "Nobody said which folders are backed up. List them as backup_paths in the section [%(section)s] "
                    "of Odoo's configuration file: a key store or master key inside one of them is then refused.",
                    section=SECTION,
                ),
            )
        )
    if configured.unknown:
        found.append(
            Finding(
                "warning",
                "unknown_option",
                env._(
                    "The section [%(section)s] of Odoo's configuration file has options that mean nothing: %(names)s. "
                    "Correct their spelling or remove them.",
                    section=SECTION,
                    names=", ".join(configured.unknown),
                ),
            )
        )
    if configured.master_key.startswith("env:"):
        found.append(
            Finding(
                "info",
                "master_key_in_environment",
                env._(
                    "The master key stands in an environment variable, which every program started by Odoo inherits. "
                    "A file of its own or a key service is better."
                ),
            )
        )
    if configured.master_key.startswith("file:") and configured.path:
        folder = Path(os.path.realpath(configured.master_key.removeprefix("file:"))).parent
        if folder in Path(os.path.realpath(configured.path)).parents and folder != Path("/"):
            found.append(
                Finding(
                    "warning",
                    "master_key_beside_store",
                    env._(
                        "The master key lies in %(folder)s, above the key store: whoever copies that folder has both. "
                        "Move the master key elsewhere.",
                        folder=str(folder),
                    ),
                )
            )
    if not configured.production:
        found.append(
            Finding(
                "info",
                "environment",
                env._(
                    "This instance calls itself “%(name)s”: unsafe settings are not refused. Real customers' data "
                    "belongs in an instance with “environment = production”.",
                    name=configured.environment,
                ),
            )
        )
    return found


def of_store(env, configured: Settings, keys: Keyring) -> list[Finding]:
    """Return what the store itself tells; reads and unwraps every key."""
    found = []
    try:
        keys.check()
    except CryptoError as error:
        found.append(Finding("error", "store", str(error)))
    try:
        label, entries = keys.current_label(), keys.entries()
    except CryptoError:
        return found  # check() has said so already
    old = [entry for entry in entries if entry.label and entry.label != label]
    if old:
        found.append(
            Finding(
                "warning",
                "old_wrapping",
                env._(
                    "%(count)s of %(total)s keys are not wrapped with the master key that is configured now. Re-wrap "
                    "them; until then the old master key has to stay where it is.",
                    count=len(old),
                    total=len(entries),
                ),
            )
        )
    elif configured.previous:
        found.append(
            Finding(
                "warning",
                "previous_master_key",
                env._(
                    "All keys are wrapped with the present master key. Remove master_key_previous from the section "
                    "[%(section)s] of Odoo's configuration file, restart Odoo and destroy the old master key.",
                    section=SECTION,
                ),
            )
        )
    if configured.dsn and configured.shares_cluster and _same_cluster(env, keys.place()):
        found.append(
            Finding(
                "warning",
                "shared_cluster",
                env._(
                    "The key database lives in the same PostgreSQL cluster as Odoo's. Make sure that no physical "
                    "backup (pg_basebackup, WAL archive, snapshot of the volume) takes both."
                ),
            )
        )
    return found


def refuse_shared_cluster(env, configured: Settings, store: PostgresKeyStore) -> None:
    """Refuse, in production, a key database that physical backups of Odoo's database would take along.

    :raise UserError: the two share a cluster and nobody vouched for the backups
    """
    if configured.production and not configured.shares_cluster and _same_cluster(env, store.identity()):
        raise UserError(
            env._(
                "The key database lives in the same PostgreSQL cluster as Odoo's: a physical backup takes both, and "
                "with it every key that was destroyed since. Move it to another cluster. If this cluster is backed up "
                "by dumps of single databases only, say “key_store_shares_cluster = True” in the section "
                "[%(section)s] of Odoo's configuration file.",
                section=SECTION,
            )
        )


def database_identity(env) -> DatabaseIdentity:
    """Return which database of which cluster Odoo's own is.

    :raise UserError: PostgreSQL does not tell
    """
    try:
        with env.cr.savepoint(flush=False):
            env.cr.execute(SQL(IDENTITY))
            return DatabaseIdentity(*env.cr.fetchone())
    except psycopg2.Error as error:
        raise UserError(
            env._(
                "PostgreSQL does not tell Odoo's database and the key database apart. Let Odoo's role execute the "
                "function pg_control_system()."
            )
        ) from error


def _same_cluster(env, identity: DatabaseIdentity) -> bool:
    return database_identity(env).cluster == identity.cluster


def database_directories(env, configured: Settings) -> list[str]:
    """Return directories of PostgreSQL in which a key store must not lie, as far as they can be known from here.

    The server names its directory to privileged roles only; a cluster around the store is recognised by its files.
    """
    found = []
    env.cr.execute(SQL("SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory'"))
    row = env.cr.fetchone()
    if row and row[0] and os.path.isdir(row[0]):
        found.append(row[0])
    if configured.path:
        for folder in Path(os.path.realpath(configured.path)).parents:
            if (folder / "PG_VERSION").is_file() and (folder / "base").is_dir():
                found.append(str(folder))
    return found

"""The configuration of the keys: section ``[pii_retention]`` of Odoo's configuration file, or the environment.

Every option can be given by an environment variable too, which then counts: ``PII_`` and the option in capitals
(``PII_KEY_STORE``, ``PII_MASTER_KEY``, …). The options are explained in ``odoo.conf.example``.
"""

from __future__ import annotations

import configparser
import os
from dataclasses import dataclass

from odoo.tools import config

from .crypto import MasterOptions

SECTION = "pii_retention"
PREFIX = "PII_"
PRODUCTION = "production"
#: What an instance may call itself; everything but ``production`` works without a master key.
ENVIRONMENTS = (PRODUCTION, "staging", "test", "demo")
OPTIONS = (
    "key_store",
    "key_store_dsn",
    "key_store_shares_cluster",
    "key_cache_seconds",
    "master_key",
    "master_key_previous",
    "master_key_region",
    "master_key_endpoint",
    "master_key_token",
    "master_key_namespace",
    "master_key_ca",
    "backup_paths",
    "environment",
)
#: Options of backups, for ``bin/backup`` alone; lists are separated by blanks.
BACKUP_OPTIONS = (
    "backup_database_to",
    "backup_files_to",
    "backup_keys_to",
    "backup_recipients",
    "backup_keys_recipients",
)
_CACHE_SECONDS, _CACHE_SECONDS_MAX = 60.0, 3600.0
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


class SettingsError(ValueError):
    """An option has a value that cannot be meant; the text names the option, never the value."""


@dataclass(frozen=True)
class Settings:
    """What the configuration says about keys.

    :param path: directory of a file store, empty if there is none
    :param dsn: DSN of a key database, empty if there is none
    :param shares_cluster: the administrator vouches that no physical backup takes Odoo's database and the keys together
    :param cache_seconds: how long an unwrapped key stays in memory, and a destroyed one may still be served by a node
        that keeps its keys in a database
    :param master_key: ``none`` or as :func:`crypto.wrapper_from` takes it
    :param previous: master keys that still open what was not wrapped again yet
    :param backup_paths: directories that backups of database and filestore take
    :param environment: one of :data:`ENVIRONMENTS`
    :param unknown: names in the section that mean nothing
    """

    path: str = ""
    dsn: str = ""
    shares_cluster: bool = False
    cache_seconds: float = _CACHE_SECONDS
    master_key: str = "none"
    previous: tuple[str, ...] = ()
    options: MasterOptions = MasterOptions()
    backup_paths: tuple[str, ...] = ()
    environment: str = PRODUCTION
    unknown: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<settings of the keys: {self.environment}>"  # a DSN may hold a password

    @property
    def production(self) -> bool:
        """Whether unsafe settings are refused."""
        return self.environment == PRODUCTION

    @property
    def forbidden(self) -> tuple[str, ...]:
        """Directories in which neither keys nor a master key may lie."""
        return (config["data_dir"], *self.backup_paths)


_read: dict[tuple, dict[str, str]] = {}


def _section() -> dict[str, str]:
    """Return the section of the configuration file; the file is read again when it was changed."""
    path = config["config"] or ""
    try:
        info = os.stat(path)
    except OSError:
        return {}
    stamp = (path, info.st_mtime_ns, info.st_size)
    if stamp not in _read:
        parser = configparser.RawConfigParser()
        parser.read([path])
        _read.clear()
        _read[stamp] = dict(parser[SECTION]) if parser.has_section(SECTION) else {}
    return _read[stamp]


def settings() -> Settings:
    """Return the settings as they are now.

    :raise SettingsError: an option has a value that cannot be meant
    """
    section = _section()
    given = {name: os.environ.get(PREFIX + name.upper(), section.get(name, "")).strip() for name in OPTIONS}
    environment = given["environment"].lower() or ("test" if config["test_enable"] else PRODUCTION)
    if environment not in ENVIRONMENTS:
        raise SettingsError(f"environment is one of {', '.join(ENVIRONMENTS)}")
    path, dsn = given["key_store"], given["key_store_dsn"]
    in_environment = [bool(os.environ.get(PREFIX + name)) for name in ("KEY_STORE", "KEY_STORE_DSN")]
    if in_environment == [True, False]:
        dsn = ""  # one of the two in the environment counts, whatever the file says about the other
    elif in_environment == [False, True]:
        path = ""
    if path and dsn:
        raise SettingsError("key_store and key_store_dsn exclude each other")
    return Settings(
        path=path,
        dsn=dsn,
        shares_cluster=_boolean("key_store_shares_cluster", given),
        cache_seconds=_seconds("key_cache_seconds", given),
        master_key=given["master_key"] or "none",
        previous=tuple(given["master_key_previous"].split()),
        options=MasterOptions(
            region=given["master_key_region"] or None,
            endpoint=given["master_key_endpoint"] or None,
            token=given["master_key_token"] or None,
            namespace=given["master_key_namespace"] or None,
            ca_file=given["master_key_ca"] or None,
        ),
        backup_paths=_paths("backup_paths", given),
        environment=environment,
        unknown=tuple(sorted(set(section) - set(OPTIONS) - set(BACKUP_OPTIONS))),
    )


def backup_options() -> dict[str, str]:
    """Return the options of backups, empty where nothing is said."""
    section = _section()
    return {name: os.environ.get(PREFIX + name.upper(), section.get(name, "")).strip() for name in BACKUP_OPTIONS}


def _boolean(name: str, given: dict[str, str]) -> bool:
    value = given[name].lower()
    if value not in (*_TRUE, *_FALSE):
        raise SettingsError(f"{name} is True or False")
    return value in _TRUE


def _seconds(name: str, given: dict[str, str]) -> float:
    try:
        value = float(given[name] or _CACHE_SECONDS)
    except ValueError:
        value = -1.0
    if not 0 <= value <= _CACHE_SECONDS_MAX:
        raise SettingsError(f"{name} is a number of seconds from 0 to {_CACHE_SECONDS_MAX:g}")
    return value


def _paths(name: str, given: dict[str, str]) -> tuple[str, ...]:
    paths = tuple(part.strip() for part in given[name].replace("\n", ",").split(",") if part.strip())
    if not all(os.path.isabs(path) for path in paths):
        raise SettingsError(f"{name} is a list of absolute paths, separated by commas")
    return paths

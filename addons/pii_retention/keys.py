"""The process's keyring, and the credentials sealed with it.

Functions, not methods of a model: what a server action or a template evaluates reaches models, never modules, and
whoever holds the keyring can open everything.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from uuid import UUID, uuid5

from odoo.exceptions import UserError

from . import binding, channel, key_checks, reveal
from .crypto import (
    CryptoError,
    FileKeyStore,
    KeyEntry,
    Keyring,
    KeyStoreError,
    Operation,
    PostgresKeyStore,
    Rewrapping,
    Wrapping,
    secret_key_id,
    wrapper_from,
)
from .key_checks import Finding, database_identity
from .key_settings import PREFIX, SECTION, Settings, SettingsError, settings

_lock = threading.Lock()
_keyrings: dict[tuple[Settings, str], Keyring] = {}

ENVIRONMENT = PREFIX + "KEY_STORE"
STORE_ID = "pii_retention.key_store_id"


def _settings(env) -> Settings:
    try:
        found = settings()
    except SettingsError as error:
        raise UserError(
            env._(
                "The section [%(section)s] of Odoo's configuration file cannot be used: %(problem)s. Correct it and "
                "restart Odoo.",
                section=SECTION,
                problem=str(error),
            )
        ) from error
    if not found.path and not found.dsn:
        raise UserError(
            env._(
                "No key store is configured. Add a section [%(section)s] with the line "
                "“key_store = /a/directory/outside/the/data/directory” to Odoo's configuration file, or set the "
                "environment variable %(variable)s, and restart Odoo.",
                section=SECTION,
                variable=ENVIRONMENT,
            )
        )
    return found


def keyring(env) -> Keyring:
    """Return the process's keyring, opened on first use.

    :raise UserError: when no key store is configured, it may not be used as it is, or it serves another database
    """
    if env.cr.dbname in binding.unapplied:
        from . import replay  # which needs keys itself

        replay.ensure(env)
    found, configured = unbound(env)
    try:
        binding.check(env, found, configured, actor())
    except CryptoError as error:
        raise UserError(str(error)) from error
    return found


def unbound(env) -> tuple[Keyring, Settings]:
    """Return the keyring, without asking whether its keys serve this database, and the settings it was opened with.

    For what has to be done before that is decided; everybody else takes :func:`keyring`.

    :raise UserError: when no key store is configured, or it may not be used as it is
    """
    configured = _settings(env)
    name = (configured, env.cr.dbname if configured.dsn else "")
    try:
        with _lock:
            found = _keyrings.get(name)
            if found is None:
                found = _keyrings[name] = _open_store(env, configured)
    except CryptoError as error:
        raise UserError(str(error)) from error
    _check_identity(env, found, configured)
    return found, configured


def _open_store(env, configured: Settings) -> Keyring:
    """Open the configured store; make it when this database has never used one.

    :raise UserError: in production, when it would not protect anything
    """
    refusals = [found.text for found in key_checks.of_configuration(env, configured) if found.severity == "error"]
    if refusals:
        raise UserError("\n\n".join(refusals))
    forbidden = (*configured.forbidden, *key_checks.database_directories(env, configured))
    masters = (*forbidden, *([configured.path] if configured.path else []))
    primary, *previous = [
        wrapper_from(spec, configured.options, forbidden=masters)
        for spec in (configured.master_key, *configured.previous)
    ]
    options = {"wrapping": Wrapping(primary, previous), "actor": actor}
    unused = not known_store_id(env)
    if configured.dsn:
        make = PostgresKeyStore.initialise if unused else PostgresKeyStore
        store = make(configured.dsn, apart_from=[database_identity(env)], **options)
        key_checks.refuse_shared_cluster(env, configured, store)
    else:
        if unused and not os.path.exists(os.path.join(configured.path, "keystore.json")):
            FileKeyStore.initialise(configured.path, forbidden=forbidden, **options)
        store = FileKeyStore(configured.path, forbidden=forbidden, **options)
    store.check_parts()
    return Keyring(store, ttl=configured.cache_seconds)


def actor() -> str:
    """Say for the log of key operations who is at work: database, channel and number of the user."""
    caller = channel.caller()
    database = getattr(threading.current_thread(), "dbname", None) or "-"
    return f"{database}/{caller.channel}/{caller.uid or '-'}"


def known_store_id(env) -> str | bool:
    """Return the id of the store that this database has used, False if it never used one."""
    # sudo: a system parameter, no secret
    return env["ir.config_parameter"].sudo().get_param(STORE_ID, False)


def is_in_use(env) -> bool:
    """Tell whether this database has used a key store."""
    return bool(known_store_id(env))


def _check_identity(env, found: Keyring, configured: Settings) -> None:
    """Remember the store of this database on first use, and refuse another one later.

    An empty volume mounted in place of the real one would otherwise look like data whose keys had died.
    """
    known = known_store_id(env)
    if known and known != found.store_id:
        raise UserError(
            env._(
                "The key store at %(path)s is not the one that this database was sealed with (%(known)s expected, "
                "%(found)s found). Mount the right volume or restore its backup.",
                path=configured.path or env._("the configured key database"),
                known=known,
                found=found.store_id,
            )
        )
    if not known and reveal.current(env) is None:
        # sudo: a system parameter, no secret
        env["ir.config_parameter"].sudo().set_param(STORE_ID, found.store_id)


# === SECRETS === #


def _secret_uuid(domain: str, name: str) -> str:
    """Return the UUID under which the secret ``name`` of a key domain is sealed."""
    return str(uuid5(UUID(domain), name))


def seal_secret(company, name: str, plaintext: str) -> str:
    """Seal a credential of ``company``; ``name`` is bound into the token and must be given to open it.

    :raise UserError: when the key store cannot be used
    """
    domain = company._pii_domain()
    keys = keyring(company.env)
    try:
        key_id = keys.ensure(secret_key_id(domain))
        return keys.seal_record(domain, key_id, _secret_uuid(domain, name), "secret", {"value": plaintext})
    except CryptoError as error:
        raise UserError(str(error)) from error


def open_secret(company, name: str, token: str) -> str:
    """Open what :func:`seal_secret` returned.

    :raise UserError: naming the key when it is missing or does not fit
    """
    domain = company._pii_domain()
    keys = keyring(company.env)
    try:
        return keys.open_record(domain, _secret_uuid(domain, name), "secret", token)["value"]
    except CryptoError as error:
        raise UserError(str(error)) from error


# === UPKEEP === #


def inventory(env) -> tuple[str, Sequence[KeyEntry]]:
    """Return what keys are wrapped with now, and every live key without its bytes; opens none.

    The first is empty when the service that holds the master key does not answer.

    :raise UserError: the key store cannot be used
    """
    keys = keyring(env)
    try:
        try:
            label = keys.current_label()
        except KeyStoreError:
            label = ""
        return label, keys.entries()
    except CryptoError as error:
        raise UserError(str(error)) from error


def store_id(env) -> str:
    """Return the id of the key store.

    :raise UserError: the key store cannot be used
    """
    return keyring(env).store_id


def operations(env, count: int) -> Sequence[Operation]:
    """Return the newest ``count`` lines of the log of key operations, newest first.

    :raise UserError: the key store cannot be used
    """
    try:
        return keyring(env).operations(count)
    except CryptoError as error:
        raise UserError(str(error)) from error


def rewrap(env, seconds: float | None = None) -> Rewrapping:
    """Wrap every key with the configured master key; call again until the result is ``finished``.

    :param seconds: stop after so long
    :raise UserError: the key store or the master key cannot be used
    """
    try:
        return keyring(env).rewrap(seconds=seconds)
    except CryptoError as error:
        raise UserError(str(error)) from error


def self_check(env) -> list[Finding]:
    """Return everything that is wrong or risky about keys here, worst first; empty when all is well.

    In production, :func:`keyring` refuses to work while there is an ``error``.
    """
    try:
        configured = _settings(env)
    except UserError as error:
        return [Finding("error", "configuration", str(error))]
    found = key_checks.of_configuration(env, configured)
    if not any(finding.severity == "error" for finding in found):
        try:
            found += key_checks.of_store(env, configured, keyring(env))
        except (UserError, CryptoError) as error:
            found.append(Finding("error", "store", str(error)))
    return sorted(found, key=lambda finding: key_checks.SEVERITIES.index(finding.severity))

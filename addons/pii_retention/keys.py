"""The process's keyring, and the credentials sealed with it.

Functions, not methods of a model: what a server action or a template evaluates reaches models, never modules, and
whoever holds the keyring can open everything.
"""

from __future__ import annotations

import configparser
import os
import threading
from uuid import UUID, uuid5

from odoo.exceptions import UserError
from odoo.tools import config

from . import reveal
from .crypto import CryptoError, FileKeyStore, Keyring, secret_key_id

_lock = threading.Lock()
_keyrings: dict[str, Keyring] = {}

ENVIRONMENT = "PII_KEY_STORE"
SECTION = "pii_retention"
STORE_ID = "pii_retention.key_store_id"


def _configured_path() -> str | None:
    """Return the key store's directory from the environment or from Odoo's configuration file."""
    if path := os.environ.get(ENVIRONMENT):
        return path
    parser = configparser.RawConfigParser()
    parser.read([config["config"] or ""])
    return parser.get(SECTION, "key_store", fallback=None)


def keyring(env) -> Keyring:
    """Return the process's keyring, opened on first use.

    :raise UserError: when no key store is configured, or it may not be used where it stands
    """
    path = _configured_path()
    if not path:
        raise UserError(
            env._(
                "No key store is configured. Add a section [%(section)s] with the line "
                "“key_store = /a/directory/outside/the/data/directory” to Odoo's configuration file, or set the "
                "environment variable %(variable)s, and restart Odoo.",
                section=SECTION,
                variable=ENVIRONMENT,
            )
        )
    try:
        with _lock:
            found = _keyrings.get(path)
            if found is None:
                found = _keyrings[path] = _open_store(env, path)
    except CryptoError as error:
        raise UserError(str(error)) from error
    _check_identity(env, found)
    return found


def _open_store(env, path: str) -> Keyring:
    """Open the store at ``path``; make it when this database has never used one."""
    forbidden = [config["data_dir"]]
    if not _known_store_id(env) and not os.path.exists(os.path.join(path, "keystore.json")):
        FileKeyStore.initialise(path, forbidden=forbidden)
    store = FileKeyStore(path, forbidden=forbidden)
    store.check()
    return Keyring(store)


def _known_store_id(env) -> str | bool:
    # sudo: a system parameter, no secret
    return env["ir.config_parameter"].sudo().get_param(STORE_ID, False)


def _check_identity(env, found: Keyring) -> None:
    """Remember the store of this database on first use, and refuse another one later.

    An empty volume mounted in place of the real one would otherwise look like data whose keys had died.
    """
    known = _known_store_id(env)
    if known and known != found.store_id:
        raise UserError(
            env._(
                "The key store at %(path)s is not the one that this database was sealed with (%(known)s expected, "
                "%(found)s found). Mount the right volume or restore its backup.",
                path=_configured_path(),
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

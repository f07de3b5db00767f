"""A day's key that nobody can read any more: an officer gives it up, so that its rotation does not wait for ever.

Functions, not methods of a model: what is typed into Odoo reaches models, never modules, and these destroy for ever.
"""

from __future__ import annotations

import contextlib
from uuid import uuid4

from odoo.exceptions import UserError
from odoo.tools import SQL

from . import keys, purge, purging, rotation, transactions
from .crypto import CryptoError, KeyDestroyed, KeyStoreError, KeyUnavailable


def give_up(waiting) -> None:
    """Destroy a day's damaged key and forget those who are sealed with it: nobody can open their data any more.

    It commits; the caller has checked the officer.

    :raise UserError: the key can be read, or the key store cannot be used
    """
    env, company, key_id = waiting.env, waiting.company_id, waiting.key_id
    if waiting.state not in ("queued", "running") or not _is_damaged(env, key_id):
        raise UserError(env._("This key can be read. Replace it: then nobody who stays loses anything."))
    try:
        purge.forget(env, _sealed_with(company, key_id), "early_erasure", key_ids=[key_id])
        transactions.commit(env)
        keyring = keys.keyring(env)
        with contextlib.suppress(KeyDestroyed):
            # whoever comes next is sealed with the day's next key
            keyring.create_successor(key_id)
        keyring.destroy(key_id, waiting.reason)
    except CryptoError as error:
        raise UserError(str(error)) from error
    rotation.run(env, key_id)
    purging.finish_certificates(env, company)


def _is_damaged(env, key_id: str) -> bool:
    """Tell whether a key is there but cannot be read for its own fault: nothing that it sealed opens.

    :raise UserError: the key store, or what wraps its keys, cannot be used: then nobody knows
    """
    try:
        keys.keyring(env).subject_key(key_id, uuid4(), "operational")
    except KeyUnavailable:
        return False
    except KeyStoreError as error:
        if type(error) is KeyStoreError and error.key_id == key_id:
            return True
        raise UserError(str(error)) from error
    return False


def _sealed_with(company, key_id: str) -> list[int]:
    """Return the ids of the live subjects who are sealed with a key."""
    env = company.env
    env.flush_all()
    env.cr.execute(
        SQL(
            "SELECT s.id FROM pii_subject s WHERE s.company_id = %s AND s.state = 'live' AND %s ORDER BY s.id",
            company.id,
            rotation.sealed_with(key_id),
        )
    )
    return [row[0] for row in env.cr.fetchall()]

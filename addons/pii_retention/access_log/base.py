"""What writing, sealing and checking share: the head, the month's key, which database this is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from odoo import SUPERUSER_ID, api
from odoo.exceptions import UserError

from ..crypto import CryptoError, KeyMissing, Keyring, log_key_id
from . import chain


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain stands: ``number`` and ``mac`` of the last row, the ``chain`` (UUID) in force, the time."""

    chain: str
    number: int
    mac: str
    now: datetime


def own_env(cr) -> api.Environment:
    """Return the environment for the log's own work: the caller's may belong to a read-only replica."""
    return api.Environment(cr, SUPERUSER_ID, {})


def database_uuid(env) -> str:
    """Return what tells this database from a copy of it (Odoo gives a duplicate another one)."""
    return env["ir.config_parameter"].get_param("database.uuid") or ""


def now(cr) -> datetime:
    """Return the database's clock, naive UTC."""
    cr.execute("SELECT clock_timestamp() AT TIME ZONE 'UTC'")
    return cr.fetchone()[0]


def month_key(keyring: Keyring, chain_id: str, at: datetime, label: str) -> bytes:
    """Return K for what is written at ``at``, making the month's key when it is the first of its month.

    :raise UserError: when the key cannot be had
    """
    key_id = log_key_id(chain_id, chain.month_of(at))
    try:
        try:
            return chain.month_key(keyring.mac, key_id, label)
        except KeyMissing:
            keyring.create(key_id)
            return chain.month_key(keyring.mac, key_id, label)
    except CryptoError as error:
        raise UserError(str(error)) from error

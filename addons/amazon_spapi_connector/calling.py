"""Calling Amazon in the name of an account: its secrets, a client, and a call within the quota.

Functions, not methods of a model. What is typed into Odoo (a server action, a template) can call every method and can
import nothing: with a client it could ask Amazon for the buyers themselves, and with the credentials anybody could.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from odoo.addons.pii_retention import keys

from .spapi import errors
from .spapi.auth import Credentials
from .spapi.client import SpapiClient
from .spapi.records import CallRecord

LEDGER = "Ledger"
"""Code of a Throttled that our own ledger raised, before Amazon had to."""
SECRETS = {"client_secret": "client_secret_sealed", "refresh_token": "refresh_token_sealed"}
"""Field that takes a secret → column that holds it sealed."""


def secret_of(account, name: str) -> str:
    """Plaintext of a secret (a key of `SECRETS`) for a call to Amazon, "" if none is stored.

    :raise UserError: it was sealed for another account or field, or the key store cannot be used
    """
    account_sudo = account.sudo()  # sudo: the columns are nobody's; whoever may call Amazon was asked before
    token = account_sudo[SECRETS[name]]
    return keys.open_secret(account_sudo.company_id, account._secret_name(name), token) if token else ""


def quarantine_key(account) -> bytes:
    """Secret of the account that names unreadable payloads; made and sealed at its first use."""
    account_sudo = account.sudo()  # sudo: as above
    name = account._secret_name("quarantine_key")
    if not account_sudo.quarantine_key_sealed:
        fresh = secrets.token_hex(32)
        account_sudo.quarantine_key_sealed = keys.seal_secret(account_sudo.company_id, name, fresh)
        return fresh.encode()
    return keys.open_secret(account_sudo.company_id, name, account_sudo.quarantine_key_sealed).encode()


def credentials_of(account) -> Credentials:
    """The account's credentials in clear, for one call; keep them in a local variable only."""
    account_sudo = account.sudo()  # sudo: as above
    return Credentials(
        client_id=account_sudo.client_id or "",
        client_secret=secret_of(account, "client_secret"),
        refresh_token=secret_of(account, "refresh_token"),
        token_url=account_sudo.token_url or "",
    )


def client_of(account, records: list[CallRecord] | None = None) -> SpapiClient:
    """A client of this account. `records` collects what is known of each call, for the quota."""
    account.ensure_one()
    observer = records.append if records is not None else None
    # sudo: the address is the administrators' field, and no secret
    return SpapiClient(credentials_of(account), endpoint=account.sudo().endpoint_url or "", observer=observer)


def call(
    account, operation: str, function: Callable[[SpapiClient], Any], *, automatic: bool = False, spare: int = 0
) -> Any:
    """Make a call within the quota and feed the quota with what Amazon said.

    :param function: takes the client, returns its answer
    :param automatic: nobody waits for it, so it leaves the calls that are kept for people
    :param spare: calls that it leaves besides, to work that goes before it
    :raise errors.SpapiError: :class:`errors.Throttled` also when our own ledger says that Amazon would refuse
    """
    quota = account.env["spapi.quota"]
    wait = quota._take(account, operation, reserve=account.quota_reserve + spare if automatic else 0.0)
    if wait:
        raise errors.Throttled("our own count", code=LEDGER, operation=operation, retry_after=wait, sent=False)
    records: list[CallRecord] = []
    try:
        answer = function(client_of(account, records))
    except errors.Throttled as error:
        quota._drain(account, error.operation or operation, error.retry_after)
        raise
    finally:
        rates = [record.rate_limit for record in records if record.operation == operation and record.rate_limit]
        if rates:
            quota._feed(account, operation, rates[-1])
    return answer

"""Which day it is for a purge: a clock that is not to be believed destroys nothing.

The last day on which a purge ended is remembered in the database and beside the keys. Where the server's clock says
that much more time has passed since, an officer confirms the date, in person; what confirms it is a seal made here.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import date

from odoo import fields
from odoo.exceptions import UserError

from . import keys, transactions
from .crypto import CryptoError, secret_key_id
from .purge_due import Due

_LABEL = "purge_day"


def _chain(company) -> str:
    return "purge-" + hashlib.sha256(company._pii_domain().encode()).hexdigest()[:32]


def last_day(env, company) -> date | None:
    """Return the last day on which a purge of the company ended; None if there was none.

    It is kept beside the keys as well: a restored database does not forget it.

    :raise UserError: the key store cannot be used
    """
    try:
        known = keys.keyring(env).anchors.furthest(_chain(company))
    except CryptoError as error:
        raise UserError(str(error)) from error
    # sudo: no personal data
    days = [company.sudo().pii_purge_day, known and date.fromordinal(known[0])]
    return max(filter(None, days), default=None)


def passed(env, company, day: date, run=None) -> None:
    """Remember that nothing is due up to ``day``.

    :param run: the purge that has ended; a day that an officer confirmed for it counts even if it is an earlier one
    """
    known = last_day(env, company)
    back = bool(run and known and day < known and _holds_good(run, company, day))
    if known is None or known < day or back:
        # sudo: written by the purge only
        company.sudo().pii_purge_day = day
        keys.keyring(env).anchors.advance(_chain(company), day.toordinal(), day.isoformat(), force=back)
    transactions.commit(env)


def refusal(env, company, run, found: Due) -> str | None:
    """Return why nothing may be destroyed although it seems due: the clock is not to be believed."""
    known = last_day(env, company)
    if known is None:
        return None
    if (known - found.day).days > 1:
        if _holds_good(run, company, found.day):
            return None
        return env._(
            "The server's clock says %(today)s, but the last purge ended on %(last)s. Compare the date with another "
            "clock. If it is wrong, have the server's clock set right: the purge then goes on by itself. If it is "
            "right, the clock ran ahead on that day: press Confirm the Date.",
            today=found.day,
            last=known,
        )
    leap = company._pii_figure("purge_jump_days")
    if not (found.key_ids or found.archive_key_ids) or (found.day - known).days <= leap:
        return None
    if _holds_good(run, company, found.day):
        return None
    return env._(
        "The server's clock says %(today)s, but the last purge ended on %(last)s. If the clock runs ahead, data would "
        "be erased before its day. Compare the date with another clock; if it is right, press Confirm the Date.",
        today=found.day,
        last=known,
    )


def _confirmation(run) -> str:
    company = run.company_id
    keyring = keys.keyring(run.env)
    key_id = keyring.ensure(secret_key_id(company._pii_domain()))
    said = f"{company._pii_domain()} {run.id} {run.confirmed_day} {run.confirmed_by_id.id}"
    return keyring.mac(key_id, said.encode(), label=_LABEL).hex()


def confirm(run) -> None:
    """Seal the confirmation that today is what the clock says; the caller has checked the officer."""
    stated = run.sudo()  # sudo: confirmations are not written by hand
    try:
        stated.write(
            {
                "confirmed_by_id": run.env.uid,
                "confirmed_on": fields.Datetime.now(),
                "confirmed_day": run.company_id._pii_day(),
            }
        )
        stated.confirmation = _confirmation(stated)
    except CryptoError as error:
        raise UserError(str(error)) from error


def _holds_good(run, company, day: date) -> bool:
    """Tell whether an officer has confirmed the date of this purge, and not too long ago."""
    if not run.confirmed_day or abs((day - run.confirmed_day).days) > company._pii_figure("purge_jump_days"):
        return False
    try:
        return hmac.compare_digest(run.confirmation or "", _confirmation(run))
    except CryptoError as error:
        raise UserError(str(error)) from error

"""Alarms of the vault itself: no person did something unusual, but something that must happen does not.

A function, not a method of a model: typed code reaches models. It tells the privacy officers by ``pii.alert`` with an
activity and a mail for each of them, once for each cause.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from odoo import SUPERUSER_ID, fields

_logger = logging.getLogger(__name__)

#: An alarm that was examined is raised again when its cause is still there after so long.
QUIET = timedelta(hours=24)


def _earlier(env, kind: str, cause: str, company):
    # sudo: alerts are read by officers and auditors only
    return (
        env["pii.alert"]
        .sudo()
        .search(
            [
                ("kind", "=", kind),
                ("cause", "=", cause),
                ("company_id", "=", company.id if company else False),
                "|",
                ("state", "=", "new"),
                ("at", ">", fields.Datetime.now() - QUIET),
            ],
            limit=1,
        )
    )


def is_known(env, kind: str, cause: str, company=None) -> bool:
    """Tell whether the officers were told already: such an alert is open, or younger than :data:`QUIET`."""
    return bool(_earlier(env, kind, cause, company))


def raise_alarm(env, kind: str, cause: str, company, text: str):
    """Raise an alert about the vault itself, unless the officers were told of the same; return it.

    :param kind: a key of ``pii_alert.SYSTEM_KINDS``
    :param cause: a code; of the same cause and company one alert is open at a time
    :param company: the company concerned; None or empty for all
    :param text: what is wrong and who does what about it; no personal data
    """
    if earlier := _earlier(env, kind, cause, company):
        return earlier
    # sudo, superuser: whoever notices it need not be an officer, and nobody's settings keep the officers untold
    alerts = env(user=SUPERUSER_ID, su=True, context={"mail_activity_automation_skip": False})["pii.alert"]
    company = alerts.env["res.company"].browse(company.id if company else ()).exists()
    labels = dict(alerts._fields["kind"]._description_selection(alerts.env))
    alert = alerts.create(
        {
            "name": labels[kind],
            "kind": kind,
            "cause": cause,
            "company_id": company.id,
            "detail": text,
        }
    )
    alert._tell_officers()
    alert._mail_alarm()
    _logger.warning("%s (%s, company %s): %s", labels[kind], cause, company.id or "-", text)
    return alert

"""Write the ledger of disclosures. A function, not a method of its model: what is evaluated must not forge rows."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg2.extras

from . import channel, reasons

#: Nothing that a caller may state is longer than this.
MAX_TEXT = 500


def _text(value: str | None) -> str | None:
    """Return ``value`` as PostgreSQL stores it (no NUL, no lone surrogate), cut to :data:`MAX_TEXT`; None if empty."""
    text = str(value or "").replace("\x00", "")[:MAX_TEXT].encode("utf-8", "replace").decode()
    return text or None


def append(
    env,
    recipient,
    subjects,
    outcome: str,
    *,
    transfer: str,
    purpose: str | None,
    document: str | None,
    classes: Iterable[str] = (),
    reason: str | None = None,
) -> None:
    """Write one row per subject and commit them, on a connection of their own.

    They survive a rollback of the caller's transaction. Any error here reaches the caller, who must then send nothing.

    :param recipient: ``pii.recipient``, empty when none was chosen
    :param subjects: ``pii.subject`` recordset
    :param outcome: ``sent``, ``refused`` or ``failed``
    :param transfer: UUID of the sending, the same for all its rows
    :param classes: retention classes that the purpose opens
    """
    recipient = recipient.sudo()  # sudo: the ledger names whom it was sent to, whoever may read the register
    uid = channel.caller().uid or env.uid
    rows = [
        (
            transfer,
            recipient.id or None,
            recipient.name or None,
            subject.company_id.id,
            subject.uuid,
            subject.reference,
            ", ".join(classes) or None,
            purpose or None,
            _text(document),
            _text(reasons.for_log(reason)),
            uid,
            outcome,
        )
        # sudo: as above
        for subject in subjects.sudo()
    ]
    with env.registry.cursor() as cr:
        psycopg2.extras.execute_values(
            cr,
            """INSERT INTO pii_disclosure (at, transfer, recipient_ref, recipient_name, company_ref, subject_uuid,
                   reference, classes, purpose, document, reason, user_ref, outcome) VALUES %s""",
            rows,
            template="(clock_timestamp() at time zone 'UTC', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            page_size=500,
        )

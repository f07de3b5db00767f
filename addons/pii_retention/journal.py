"""Rows of the access log about questions to the vault, written and committed on a connection of their own.

Functions, not methods of a model: what typed code could call, it could use to say of others what never was.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import channel, keys
from .access_log import writer
from .facts import Asked

#: Nothing that a caller may state is longer than this; a reason of a megabyte would be paid for by each check.
MAX_TEXT = 500


def _text(value):
    """Return ``value`` as PostgreSQL stores it (no NUL, no lone surrogate), cut to :data:`MAX_TEXT`; None if empty."""
    if not value:
        return None
    text = str(value).replace("\x00", "")[:MAX_TEXT].encode("utf-8", "replace").decode("utf-8")
    return text or None


def append(
    env,
    asked: Sequence[Asked],
    purpose: str | None,
    outcome: str,
    *,
    classes: Sequence[str] = (),
    reason: str | None = None,
    cause: str | None = None,
    grant_ref: int | None = None,
    document: str | None = None,
    caller: channel.Caller | None = None,
    cr=None,
) -> None:
    """Write one row per subject, or one without a subject; see ``pii.access.log._append`` for the arguments.

    :raise UserError: the key store cannot be used
    """
    keyring = keys.keyring(env)
    caller = caller or channel.caller()
    person = caller.uid or env.uid
    said = (
        ",".join(classes) or None,
        purpose,
        _text(reason),
        caller.channel,
        _text(caller.session),
        _text(caller.address),
        outcome,
        cause,
        grant_ref or None,
        _text(document),
        env.uid if env.uid != person else None,
    )
    rows = [
        (person, subject.company_id or None, _text(subject.uuid), _text(subject.reference), *said) for subject in asked
    ] or [(person, env.company.id, None, None, *said)]
    if cr is not None:
        writer.append(cr, keyring, rows)
        return
    with writer.cursor(env) as own:
        writer.append(own, keyring, rows)

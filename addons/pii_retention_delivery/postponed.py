"""Messages that a carrier's module posts while personal data is open, kept until it is closed.

Carrier modules hand over their labels as attachments of a message, in the middle of the call. Inside a reveal the
database takes no writes; the label is stored, sealed for the customer, right after.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from markupsafe import Markup

from odoo.addons.pii_retention import logmask, reveal

_state = threading.local()


@dataclass(slots=True)
class Message:
    """A call of ``message_post``: on which record, with what. Texts are masked; files are as the carrier sent them."""

    model: str
    record_id: int
    kwargs: dict = field(repr=False)


@contextmanager
def collecting(env) -> Iterator[None]:
    """Post on ``env`` after the block, if it ends well, what was to be posted in a reveal inside of it."""
    outer, messages = getattr(_state, "messages", None), []
    _state.messages = messages
    try:
        yield
    finally:
        _state.messages = outer
    for message in messages:
        env[message.model].browse(message.record_id).message_post(**message.kwargs)


def keep(record, kwargs: dict) -> bool:
    """Keep a message for later; False when it can be posted now."""
    messages = getattr(_state, "messages", None)
    if messages is None or not reveal.is_open_on(record.env.cr):
        return False
    kept = {name: _masked(value) if name in ("body", "subject") else value for name, value in kwargs.items()}
    kept["attachments"] = [(logmask.mask(item[0]), *item[1:]) for item in kwargs.get("attachments") or ()]
    messages.append(Message(record._name, record.id, kept))
    return True


def _masked(text):
    if not isinstance(text, str):
        return text
    masked = logmask.mask(str(text))
    return Markup(masked) if isinstance(text, Markup) else masked

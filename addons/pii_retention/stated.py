"""What a module says about why it renders a document, for the access log: ``Printed on Packing table 2``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_reason: ContextVar[str | None] = ContextVar("pii_stated_reason", default=None)


def stated_reason() -> str | None:
    """Return the reason that was stated around this call, None if none was."""
    return _reason.get()


@contextmanager
def stating(reason: str) -> Iterator[None]:
    """State why documents are rendered in the block; never name a person."""
    token = _reason.set(reason)
    try:
        yield
    finally:
        _reason.reset(token)

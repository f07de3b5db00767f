"""What is opened besides a person's daily limits: the volume of one decided request, and the coincidences of a look-up.

Two officers who decide that five thousand customers are returned to a marketplace decide about that number. It is
counted by itself: each of the named customers once under the very grant of the request. Nothing else of the person who
carries it out is loosened; a customer whom the same person looks at on the screen counts as ever.

The marks in the access log that tell these rows from others are set here, from a variable that only code of modules
reaches, and taken off whatever else calls its document so.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from odoo.tools import SQL

#: What the document of a row begins with.
LOOKUP, VOLUME = "lookup:", "volume:"
#: Customers that are opened at once where a volume counts them.
AT_ONCE = 100

_mark: ContextVar[tuple[str, int]] = ContextVar("pii_volume", default=("", 0))


@contextlib.contextmanager
def of_grant(grant_id: int) -> Iterator[None]:
    """Count what is opened in the block by the customers that the grant names, under this grant alone."""
    token = _mark.set((VOLUME, grant_id))
    try:
        yield
    finally:
        _mark.reset(token)


@contextlib.contextmanager
def of_lookup() -> Iterator[None]:
    """Count what is opened in the block by the limit of look-ups."""
    token = _mark.set((LOOKUP, 0))
    try:
        yield
    finally:
        _mark.reset(token)


def grant_id() -> int:
    """Return the grant by whose volume is counted now, 0 without one."""
    return _mark.get()[1]


def for_log(document: str | None) -> str | None:
    """Return the document as the log names it: with its mark if it has earned one, without if it has not."""
    mark = _mark.get()[0]
    while document and document.startswith((LOOKUP, VOLUME)):
        document = document.split(":", 1)[1]
    return f"{mark}{document or ''}" if mark else document


def left(cr, grant) -> int:
    """Return how many customers may still be opened by the volume of a ``grants.Grant``, as the log says on ``cr``."""
    cr.execute(
        SQL(
            """SELECT count(*) FROM pii_access_log
                WHERE user_ref = %s AND grant_ref = %s AND at >= %s AND outcome = 'opened'
                  AND starts_with(document, %s)""",
            grant.user,
            grant.id,
            # ids of rows come again after a restore
            grant.start,
            VOLUME,
        )
    )
    return len(grant.subjects) - cr.fetchone()[0]

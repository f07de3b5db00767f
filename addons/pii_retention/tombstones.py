"""Which ids of the ledger stand for a data subject. Pure, no Odoo.

The ledger beside the keys holds UUIDs. A subject's UUID is derived from its company's key domain, channel and
reference, so that a re-imported order is recognised even when a restored database has no row of the person any more;
without the domain (122 random bits) nobody can tell from a UUID which order it stands for. Subjects that were sealed
under a random UUID are buried under both ids.
"""

from __future__ import annotations

from uuid import UUID, uuid5


def subject_uuid(domain: str, origin: str, reference: str) -> str:
    """Return the UUID of the person behind ``reference`` (of a channel, unique in the company).

    :param domain: the company's key domain, a UUID in text
    """
    return str(uuid5(UUID(domain), f"subject/{origin}/{reference}"))


def ids_of(domain: str, uuid: str, origin: str, reference: str) -> list[str]:
    """Return every id to write into the ledger when the subject ``uuid`` is erased: itself and the derived one."""
    return list(dict.fromkeys((uuid, subject_uuid(domain, origin, reference))))

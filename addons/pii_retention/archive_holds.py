"""Which archived documents a legal hold keeps past the end of their statute.

The documents outlive their customers: a hold names customers, orders, a period or a company, and most of whom it names
were erased years ago. Functions, not methods of a model, as in :mod:`.archive`.
"""

from __future__ import annotations

from . import holds


def held(items):
    """Return those of ``items`` (``pii.archive.item``, superuser) that a hold in force covers.

    :raise UserError: the key store cannot be used: then nobody knows what is held, and nothing may be destroyed
    """
    kept = items.browse()
    # sudo: whose documents are held is decided for all; erased customers keep their row, without data
    subjects = (
        items.env["pii.subject"].sudo().search([("uuid", "in", list(filter(None, items.mapped("subject_uuid"))))])
    )
    known = set(subjects.mapped("uuid"))
    for company, found in items.grouped("company_id").items():
        for hold in holds.active(company):
            covered = set(subjects.filtered_domain(hold._subject_domain()).mapped("uuid"))
            kept |= found.filtered(
                lambda item, hold=hold, covered=covered: (
                    item.subject_uuid in covered or (item.subject_uuid not in known and _names(hold, item))
                )
            )
    return kept


def _names(hold, item) -> bool:
    """Tell whether a hold covers a document whose customer's row is gone; in doubt it does."""
    if hold.scope == "subjects":
        return False
    if hold.scope == "references":
        return item.order_reference in hold._reference_list()
    if hold.scope == "orders":
        day = item.transaction_date or item.document_date
        return not (hold.date_from and day < hold.date_from) and not (hold.date_to and day > hold.date_to)
    return True

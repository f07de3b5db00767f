"""What Amazon says about orders without saying anything about a person, and that goes after its months.

Sale orders, deliveries, invoices and amounts stay: they are the seller's. They lose Amazon's order number, and with it
the way back to Amazon's records, unless a posted invoice names it: the law keeps an invoice as it was issued.
"""

from __future__ import annotations

import secrets
from datetime import datetime

from odoo.tools import SQL

from odoo.addons.pii_retention.sweeping import Swept, sweep

_MODULE = "amazon_spapi_connector"


@sweep("amazon_orders", "Amazon's orders: business data, lines, states", module=_MODULE)
def _orders(env, company, cutoff: datetime, limit: int) -> Swept:
    """An order ends with its last change at Amazon; one that Amazon gave no time for, when it was stored."""
    env.flush_all()
    env.cr.execute(
        SQL(
            """SELECT id, COALESCE(GREATEST(last_updated, purchase_date), create_date) AS ended FROM spapi_order
                WHERE company_id = %s AND COALESCE(GREATEST(last_updated, purchase_date), create_date) <= %s
                ORDER BY ended, id LIMIT %s FOR UPDATE SKIP LOCKED""",
            company.id,
            cutoff,
            limit,
        )
    )
    rows = env.cr.fetchall()
    if not rows:
        return Swept(0)
    orders = env["spapi.order"].browse(row[0] for row in rows)
    kept = []
    for order in orders:
        kept += _take_number_from(order)
    env.flush_all()
    env.invalidate_all()
    orders.unlink()
    return Swept(len(rows), rows[0][1], rows[-1][1], kept)


def _take_number_from(order) -> list[str]:
    """Replace Amazon's number in the documents of an order by one that leads nowhere.

    :return: the posted invoices that keep it; nothing is changed then
    """
    sale, number = order.sale_order_id, order.amazon_order_id
    invoices = sale.invoice_ids
    if posted := invoices.filtered(lambda move: move.state == "posted"):
        return [f"{', '.join(posted.mapped('name'))} ({sale.name})"]
    instead = f"removed-{secrets.token_hex(6)}"
    quiet = {"tracking_disable": True, "mail_notrack": True}
    for records, name in ((sale, "client_order_ref"), (invoices, "ref")):
        records.filtered(lambda row, name=name: row[name] == number).with_context(**quiet).write({name: instead})
    subject = order.subject_id
    if subject.state == "erased" and subject.reference == number:
        _rename(subject, instead)
    return []


def _rename(subject, reference: str) -> None:
    """Give an erased person's entry and contact another reference; the list of the erased knows it by its UUID.

    By SQL: what is written to a protected contact goes into the vault, which has nothing of this person any more.
    """
    before = subject._pseudonym()
    subject.write({"reference": reference})
    after = subject._pseudonym()
    env = subject.env
    env.flush_all()
    env.cr.execute(
        SQL(
            """UPDATE res_partner SET name = %(after)s,
                      complete_name = CASE WHEN complete_name = %(before)s THEN %(after)s ELSE complete_name END,
                      commercial_company_name = CASE WHEN commercial_company_name = %(before)s THEN %(after)s
                                                     ELSE commercial_company_name END
                WHERE pii_subject_id = %(subject)s AND name = %(before)s RETURNING id""",
            before=before,
            after=after,
            subject=subject.id,
        )
    )
    partners = [row[0] for row in env.cr.fetchall()]
    env.cr.execute(
        SQL(
            """UPDATE account_move SET invoice_partner_display_name = %s
                WHERE partner_id = ANY(%s) AND state <> 'posted' AND invoice_partner_display_name = %s""",
            after,
            partners,
            before,
        )
    )
    env.invalidate_all()


@sweep("amazon_listings", "SKUs that Amazon named and nobody gave a product", module=_MODULE)
def _listings(env, company, cutoff: datetime, limit: int) -> Swept:
    return _by_age(env, "spapi.listing", SQL("company_id = %s AND product_id IS NULL", company.id), cutoff, limit)


@sweep("amazon_progress", "Progress of imports that nobody runs any more", module=_MODULE)
def _progress(env, company, cutoff: datetime, limit: int) -> Swept:
    of_company = SQL("account_id IN (SELECT id FROM spapi_account WHERE company_id = %s)", company.id)
    return _by_age(env, "spapi.cursor", of_company, cutoff, limit)


def _by_age(env, model: str, condition: SQL, cutoff: datetime, limit: int) -> Swept:
    """Delete the rows of a model that nobody has written since ``cutoff``."""
    env.flush_all()
    env.cr.execute(
        SQL(
            "SELECT id, write_date FROM %s WHERE %s AND write_date <= %s ORDER BY write_date, id LIMIT %s",
            SQL.identifier(env[model]._table),
            condition,
            cutoff,
            limit,
        )
    )
    rows = env.cr.fetchall()
    if not rows:
        return Swept(0)
    env[model].browse(row[0] for row in rows).unlink()
    return Swept(len(rows), rows[0][1], rows[-1][1])


@sweep("amazon_comparisons", "Results of comparisons with Amazon", module=_MODULE)
def _comparisons(env, company, cutoff: datetime, limit: int) -> Swept:
    return _by_age(env, "spapi.reconciliation", SQL("company_id = %s", company.id), cutoff, limit)


@sweep("amazon_recoveries", "Lists of Amazon orders that were read again", module=_MODULE)
def _recoveries(env, company, cutoff: datetime, limit: int) -> Swept:
    return _by_age(env, "spapi.recovery", SQL("company_id = %s", company.id), cutoff, limit)

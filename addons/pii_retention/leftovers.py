"""What mail and its like keep about a person beside the vault: texts that people typed, mails that were never sent.

The documents themselves stay: orders, deliveries, invoices, their lines and amounts. What somebody wrote about the
customer goes with the customer's data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from odoo.tools import SQL

#: Stands in the place of a text that was erased.
ERASED = "<p>This text was erased together with the customer's data.</p>"

#: Kinds of messages that hold what persons wrote or what was rendered for them; the others hold facts of the document.
_WRITTEN = ("comment", "email", "email_outgoing", "auto_comment", "user_notification", "sms", "snailmail", "whatsapp")

#: Tables of modules that may be installed: rows about a contact that go with it.
_OF_PARTNER = (("mail_notification", "res_partner_id"), ("mail_followers", "partner_id"), ("sms_sms", "partner_id"))


def erase(env, subject_ids: Sequence[int]) -> int:
    """Erase the remains of these subjects in mail tables; return how many rows were deleted or emptied.

    The ORM's caches are the caller's to invalidate.
    """
    cr = env.cr
    cr.execute(SQL("SELECT id FROM res_partner WHERE pii_subject_id = ANY(%s)", list(subject_ids)))
    partners = [row[0] for row in cr.fetchall()]
    if not partners:
        return 0
    count = 0
    for model, table, columns in _documents(env):
        condition = SQL(" OR ").join(SQL("%s = ANY(%s)", SQL.identifier(column), partners) for column in columns)
        cr.execute(SQL("SELECT id FROM %s WHERE %s", SQL.identifier(table), condition))
        if ids := [row[0] for row in cr.fetchall()]:
            count += _empty_texts(cr, model, ids)
    return count + _delete_of_partners(cr, partners)


def _documents(env) -> Iterator[tuple[str, str, list[str]]]:
    """Yield ``(model, table, columns)`` of documents with a chatter and contacts on them, but contacts themselves."""
    for name, model in env.registry.items():
        if model._abstract or not model._auto or model._transient or name == "res.partner":
            continue
        if "message_ids" not in model._fields:
            continue
        columns = [
            field
            for field in env[name]._pii_partner_fields()
            if model._fields[field].store and model._fields[field].column_type
        ]
        if columns:
            yield name, model._table, columns


def _empty_texts(cr, model: str, ids: list[int]) -> int:
    """Empty what persons wrote on documents, and drop the mails of it that were not sent."""
    cr.execute(
        SQL(
            """UPDATE mail_message SET body = %s, subject = NULL
                WHERE model = %s AND res_id = ANY(%s) AND message_type = ANY(%s) AND COALESCE(body, '') NOT IN ('', %s)
            RETURNING id""",
            ERASED,
            model,
            ids,
            list(_WRITTEN),
            ERASED,
        )
    )
    emptied = [row[0] for row in cr.fetchall()]
    count = len(emptied)
    if emptied:
        cr.execute(SQL("DELETE FROM mail_mail WHERE mail_message_id = ANY(%s)", emptied))
        count += cr.rowcount
    cr.execute(
        SQL(
            """UPDATE mail_activity SET summary = NULL, note = NULL, feedback = NULL
                WHERE res_model = %s AND res_id = ANY(%s) AND COALESCE(summary, note, feedback) IS NOT NULL""",
            model,
            ids,
        )
    )
    count += cr.rowcount
    cr.execute(SQL("DELETE FROM mail_scheduled_message WHERE model = %s AND res_id = ANY(%s)", model, ids))
    return count + cr.rowcount


def _delete_of_partners(cr, partners: list[int]) -> int:
    """Delete what hangs on the contacts themselves, what they wrote, and mails to them."""
    cr.execute(
        SQL(
            """DELETE FROM mail_mail WHERE id IN (
                   SELECT mail_mail_id FROM mail_mail_res_partner_rel WHERE res_partner_id = ANY(%s))""",
            partners,
        )
    )
    count = cr.rowcount
    for table, column in _OF_PARTNER:
        cr.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        if cr.fetchone()[0]:
            cr.execute(
                SQL("DELETE FROM %s WHERE %s = ANY(%s)", SQL.identifier(table), SQL.identifier(column), partners)
            )
            count += cr.rowcount
    for table in ("mail_activity", "mail_followers"):
        cr.execute(
            SQL("DELETE FROM %s WHERE res_model = 'res.partner' AND res_id = ANY(%s)", SQL.identifier(table), partners)
        )
        count += cr.rowcount
    # mails, notifications and tracked values of the messages go by cascade
    cr.execute(
        SQL(
            "DELETE FROM mail_message WHERE (model = 'res.partner' AND res_id = ANY(%s)) OR author_id = ANY(%s)",
            partners,
            partners,
        )
    )
    return count + cr.rowcount

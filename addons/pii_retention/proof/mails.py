"""Checks of messages: what chatter, tracking and the mail queue keep of protected customers."""

from __future__ import annotations

from collections import Counter, defaultdict

from odoo.tools import SQL

from .registry import COMPANY, EXAMPLES, Found, Look, check


@check(
    "tracking_in_clear",
    COMPANY,
    "Tracked changes of contacts that keep an old or new personal value",
    model="mail.tracking.value",
)
def _tracking(look: Look) -> list[Found]:
    """Country and state are no secret, and the address line of a protected contact consists of them alone."""
    fields = [*look.env["res.partner"]._pii_fields(), "contact_address_inline", "display_name", "complete_name"]
    relation = SQL(
        """mail_tracking_value v
             JOIN mail_message m ON m.id = v.mail_message_id AND m.model = 'res.partner'
             JOIN ir_model_fields f ON f.id = v.field_id AND f.model = 'res.partner' AND f.name = ANY(%s)
             JOIN %s ON p.id = m.res_id""",
        fields,
        look.protected,
    )
    condition = SQL(" OR ").join(
        SQL(
            """(COALESCE(%(column)s, '') NOT IN ('', p.pseudonym) AND NOT EXISTS (
                   SELECT FROM res_country c LEFT JOIN res_country_state st ON st.id = p.state_id,
                               jsonb_each_text(c.name) AS n
                    WHERE c.id = p.country_id
                      AND btrim(replace(replace(replace(%(column)s, n.value, ''), COALESCE(st.name, ''), ''),
                                        COALESCE(st.code, ''), ''), ' ,') = ''))""",
            column=SQL.identifier("v", column),
        )
        for column in ("old_value_char", "new_value_char", "old_value_text", "new_value_text")
    )
    return look.count(relation, SQL("p.company_id"), condition, SQL("v.id"))


@check("mail_to_customer", COMPANY, "Mails in the queue that are addressed to a protected customer", model="mail.mail")
def _mails(look: Look) -> list[Found]:
    relation = SQL(
        """mail_mail e JOIN mail_mail_res_partner_rel r ON r.mail_mail_id = e.id JOIN %s ON p.id = r.res_partner_id""",
        look.protected,
    )
    return look.count(relation, SQL("p.company_id"), SQL("TRUE"), SQL("e.id"))


@check(
    "message_from_customer",
    COMPANY,
    "Messages written in the name of a protected customer that keep an address or a name",
    model="mail.message",
)
def _messages(look: Look) -> list[Found]:
    relation = SQL("mail_message m JOIN %s ON p.id = m.author_id", look.protected)
    condition = SQL("""COALESCE(m.email_from, '') <> '' AND position('@' IN m.email_from) > 0""")
    return look.count(relation, SQL("p.company_id"), condition, SQL("m.id"))


@check(
    "activity_in_clear",
    COMPANY,
    "Activities on contacts of protected customers that are named otherwise than by the pseudonym",
    model="mail.activity",
)
def _activities(look: Look) -> list[Found]:
    relation = SQL("mail_activity a JOIN %s ON a.res_model = 'res.partner' AND p.id = a.res_id", look.protected)
    condition = SQL("COALESCE(a.res_name, '') NOT IN ('', p.pseudonym)")
    return look.count(relation, SQL("p.company_id"), condition, SQL("a.id"))


#: Kinds of messages in which persons write, or that are rendered for them; the others state facts of the document.
_WRITTEN = ("comment", "email", "email_outgoing", "auto_comment", "user_notification", "sms", "snailmail", "whatsapp")
#: The longest body that is left of an erased text: what stands in its place says nothing.
_EMPTY = 80


@check(
    "message_of_gone",
    COMPANY,
    "Texts that were written on the contacts and documents of customers before they were erased",
    model="mail.message",
)
def _of_gone(look: Look) -> list[Found]:
    """What is written after the erasure is about the document. Each text is as good as the person who wrote it."""
    looked, found, examples = Counter(), Counter(), defaultdict(list)
    for model, table, columns in _documents(look):
        relation = SQL(
            """mail_message m JOIN %(table)s t ON m.model = %(model)s AND t.id = m.res_id
                 JOIN %(protected)s ON p.state = 'erased' AND p.erased_on IS NOT NULL AND p.id IN (%(columns)s)""",
            model=model,
            table=SQL.identifier(table),
            protected=look.protected,
            columns=SQL(", ").join(SQL.identifier("t", column) for column in columns),
        )
        condition = SQL(
            "m.message_type = ANY(%s) AND m.create_date < p.erased_on AND length(m.body) > %s",
            list(_WRITTEN),
            _EMPTY,
        )
        look.env.cr.execute("SELECT EXISTS (SELECT FROM mail_message WHERE model = %s)", [model])
        if not look.env.cr.fetchone()[0]:
            continue
        for line in look.count(relation, SQL("p.company_id"), condition, SQL("m.id")):
            looked[line.company_id] += line.looked
            found[line.company_id] += line.found
            examples[line.company_id] += line.ids
    return [Found(key, looked[key], found[key], tuple(examples[key][:EXAMPLES])) for key in looked]


def _documents(look: Look) -> list[tuple[str, str, list[str]]]:
    """Return ``(model, table, columns)`` of what has a chatter and leads to a contact; contacts themselves first."""
    result = [("res.partner", "res_partner", ["id"])]
    for name, model in look.env.registry.items():
        if model._abstract or not model._auto or model._transient or name == "res.partner":
            continue
        if "message_ids" not in model._fields:
            continue
        columns = [
            field
            for field in look.env[name]._pii_partner_fields()
            if model._fields[field].store and model._fields[field].column_type
        ]
        if columns:
            result.append((name, model._table, columns))
    return result

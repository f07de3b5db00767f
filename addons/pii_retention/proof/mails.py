"""Checks of messages: what chatter, tracking and the mail queue keep of protected customers."""

from __future__ import annotations

from odoo.tools import SQL

from .registry import COMPANY, Found, Look, check


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

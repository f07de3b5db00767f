"""Checks of contacts and of what Odoo copies from them: clear text stands nowhere, the pseudonym everywhere."""

from __future__ import annotations

from collections import Counter, defaultdict

from odoo.tools import SQL

from .registry import COMPANY, EXAMPLES, Found, Look, check

#: Text columns in which Odoo or its modules copy a contact's data: ``(table, column of the contact, columns)``. Of
#: stored related fields the registry itself is asked. Tables of modules that are not installed are passed over.
COPIES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("account_bank_statement_line", "partner_id", ("partner_name", "account_number")),
    ("account_move", "partner_id", ("invoice_partner_display_name",)),
    ("calendar_attendee", "partner_id", ("common_name", "email")),
    (
        "crm_lead",
        "partner_id",
        (
            *("contact_name", "partner_name", "email_from", "email_normalized", "phone", "phone_sanitized"),
            *("street", "street2", "zip", "city"),
        ),
    ),
    ("helpdesk_ticket", "partner_id", ("partner_name", "partner_email", "partner_phone")),
    ("mail_notification", "res_partner_id", ("sms_number", "failure_reason")),
    (
        "payment_transaction",
        "partner_id",
        ("partner_name", "partner_email", "partner_address", "partner_city", "partner_zip", "partner_phone"),
    ),
    ("pos_order", "partner_id", ("email", "mobile")),
    ("sale_order", "partner_id", ("signed_by",)),
    ("sms_sms", "partner_id", ("number",)),
    ("snailmail_letter", "partner_id", ("street", "street2", "zip", "city")),
)
_TEXT = ("char", "text", "html")


def personal_columns(env) -> list[str]:
    """Return the text columns of ``res_partner`` that a protected contact holds empty, or the pseudonym in.

    The vault's own list, and every stored field that is computed from one of these.
    """
    partners = env["res.partner"]
    personal = set(partners._pii_fields())
    names = set(personal)
    for name, field in partners._fields.items():
        if field.store and field.compute and field.type in _TEXT:
            depends, _context = field.get_depends(partners)
            if any(part in personal or part == "display_name" for path in depends for part in path.split(".")):
                names.add(name)
    return sorted(
        name
        for name in names
        if name in partners._fields and partners._fields[name].store and not partners._fields[name].company_dependent
    )


def _is_clear(table: str, column: str) -> SQL:
    """Return the condition that a column holds anything but the pseudonym of the contact ``p``."""
    return SQL("(COALESCE(%(column)s, '') NOT IN ('', p.pseudonym))", column=SQL.identifier(table, column))


@check(
    "contact_in_clear",
    COMPANY,
    "Contacts of protected customers that hold anything but the pseudonym in a personal field",
    model="res.partner",
)
def _in_clear(look: Look) -> list[Found]:
    columns = personal_columns(look.env)
    look.env["res.partner"].flush_model()
    relation = SQL("res_partner r JOIN %s ON p.id = r.id", look.protected)
    condition = SQL(" OR ").join([*(_is_clear("r", column) for column in columns), SQL("COALESCE(r.name, '') = ''")])
    return look.count(relation, SQL("p.company_id"), condition, SQL("r.id"))


@check(
    "contact_pictures",
    COMPANY,
    "Contacts of protected customers with a picture",
    model="res.partner",
)
def _pictures(look: Look) -> list[Found]:
    names = list(look.env["res.partner"]._pii_dropped_fields())
    # IN, not EXISTS: the few pictures are gathered once
    condition = SQL(
        "p.id IN (SELECT a.res_id FROM ir_attachment a WHERE a.res_model = 'res.partner' AND a.res_field = ANY(%s))",
        names,
    )
    return look.count(SQL("%s", look.protected), SQL("p.company_id"), condition, SQL("p.id"))


@check(
    "contact_relations",
    COMPANY,
    "Contacts of protected customers with a user, a bank account, a company above or addresses below",
    model="res.partner",
)
def _relations(look: Look) -> list[Found]:
    """Each of these copies the person's data, or opens a door to it."""
    # IN, not EXISTS: the few rows are gathered once
    conditions = [
        SQL("p.id IN (SELECT u.partner_id FROM res_users u)"),
        SQL("p.id IN (SELECT r.parent_id FROM res_partner r WHERE r.parent_id IS NOT NULL)"),
        SQL("p.id IN (SELECT r.id FROM res_partner r WHERE r.parent_id IS NOT NULL)"),
    ]
    if look.has("res_partner_bank", "partner_id"):
        conditions.append(SQL("p.id IN (SELECT b.partner_id FROM res_partner_bank b WHERE b.partner_id IS NOT NULL)"))
    return look.count(SQL("%s", look.protected), SQL("p.company_id"), SQL(" OR ").join(conditions), SQL("p.id"))


def copied_columns(look: Look) -> list[tuple[str, str, list[str]]]:
    """Return ``(table, column of the contact, text columns)`` of the tables that this database has.

    Stored related fields of one step (``partner_id.email``) are found by themselves, whoever's module made them.
    """
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for table, contact, columns in COPIES:
        if look.has(table, contact):
            found[table, contact].update(column for column in columns if look.has(table, column))
    personal = set(look.env["res.partner"]._pii_fields()) | {"display_name", "complete_name"}
    for model in look.env.registry.values():
        if model._abstract or not model._auto:
            continue
        for name, field in model._fields.items():
            path = (field.related or "").split(".")
            if not field.store or field.type not in _TEXT or len(path) != 2 or path[1] not in personal:
                continue
            contact = model._fields.get(path[0])
            if contact is not None and contact.comodel_name == "res.partner" and contact.store:
                found[model._table, path[0]].add(name)
    return [(table, contact, sorted(columns)) for (table, contact), columns in sorted(found.items()) if columns]


@check("copy_in_clear", COMPANY, "Copies of protected customers' data that Odoo or a module has made in other tables")
def _copies(look: Look) -> list[Found]:
    looked, found, examples = Counter(), Counter(), defaultdict(list)
    for table, contact, columns in copied_columns(look):
        relation = SQL(
            "%(table)s t JOIN %(protected)s ON p.id = %(contact)s",
            table=SQL.identifier(table),
            protected=look.protected,
            contact=SQL.identifier("t", contact),
        )
        condition = SQL(" OR ").join(_is_clear("t", column) for column in columns)
        for line in look.count(relation, SQL("p.company_id"), condition, SQL("t.id")):
            looked[line.company_id] += line.looked
            found[line.company_id] += line.found
            examples[line.company_id] += [f"{table} {row_id}" for row_id in line.ids]
    return [Found(key, looked[key], found[key], tuple(examples[key][:EXAMPLES])) for key in looked]

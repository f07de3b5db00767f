"""Checks of the database itself: whether it shows this process all that is in its tables.

A login with rights on the tables can make PostgreSQL hide rows from Odoo, from the purge and from the proof alike:
row-level security, a view in the place of a table, a rule. Everything else that is proven rests on that not being so.
"""

from __future__ import annotations

from odoo.tools import SQL

from .registry import DATABASE, EXAMPLES, Found, Look, check


@check("table_hides_rows", DATABASE, "Tables that may not show Odoo all of their rows")
def _hides_rows(look: Look) -> list[Found]:
    """Row-level security, a rule, or something else than a table where a model keeps its records."""
    tables = {model._table for model in look.env.registry.values() if model._auto and not model._abstract}
    look.env.cr.execute(
        SQL(
            """SELECT t.name
                 FROM unnest(%s) AS t (name)
                 LEFT JOIN pg_class c ON c.oid = to_regclass(quote_ident(t.name))
                WHERE c.oid IS NULL OR c.relkind NOT IN ('r', 'p') OR c.relrowsecurity OR c.relhasrules
                   OR c.relnamespace <> current_schema()::regnamespace
                ORDER BY 1""",
            sorted(tables),
        )
    )
    wrong = [name for (name,) in look.env.cr.fetchall()]
    return [Found(None, len(tables), len(wrong), tuple(wrong[:EXAMPLES]))]

from __future__ import annotations

from odoo import fields, models


class SpapiAccount(models.Model):
    """How much of one order is taken for ordinary."""

    _inherit = "spapi.account"

    max_lines = fields.Integer(
        string="Lines at Most",
        default=1000,
        required=True,
        help="An order with more lines is shown to a person instead of becoming a sale order by itself: making and"
        " confirming it may take longer than one run of the import may last, and the others would wait behind it.",
    )

    _max_lines_positive = models.Constraint("CHECK (max_lines > 0)", "An order has one line at least.")

from __future__ import annotations

from odoo import api, fields, models

from ..mapping.incoming import Incoming

SHOWN = 20
"""Lines of a notice; the rest is counted."""


class SpapiOrder(models.Model):
    """What of Amazon's data is not as Amazon documents it: an order that is used all the same says so."""

    _inherit = "spapi.order"

    notices = fields.Text(
        string="Not as Documented",
        readonly=True,
        help="What of Amazon's data was set aside, is missing or unknown, with its place in Amazon's words.",
    )

    @api.model
    def _notice_values(self, incoming: Incoming) -> dict:
        """``{"notices": …}``; the lines quote no value of the payload."""
        lines = list(dict.fromkeys(f"{notice.message} [{notice.path}]" for notice in incoming.notices))
        if len(lines) > SHOWN:
            lines[SHOWN:] = [self.env._("… and %s more.", len(lines) - SHOWN)]
        return {"notices": "\n".join(lines) or False}

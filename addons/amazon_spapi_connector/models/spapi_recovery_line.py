from __future__ import annotations

import psycopg2

from odoo import fields, models
from odoo.exceptions import UserError

from .. import recovering
from ..spapi import errors


class SpapiRecoveryLine(models.Model):
    _name = "spapi.recovery.line"
    _description = "Amazon Order to Recover"
    _order = "recovery_id desc, id"
    _rec_name = "amazon_order_id"

    recovery_id = fields.Many2one("spapi.recovery", required=True, readonly=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="recovery_id.company_id", store=True, precompute=True)
    amazon_order_id = fields.Char(required=True, readonly=True, index=True)
    order_id = fields.Many2one("spapi.order", string="Stored Order", readonly=True, ondelete="set null", index=True)
    order_state = fields.Selection(related="order_id.state", string="State Now")
    order_problem = fields.Text(related="order_id.problem", string="What It Waits For")
    marketplace_id = fields.Many2one("spapi.marketplace", readonly=True)
    status = fields.Char(string="At Amazon", readonly=True)
    found = fields.Selection(
        [("here", "Here"), ("older", "Changed since"), ("missing", "Missing")], string="In Odoo", readonly=True
    )
    state = fields.Selection(
        [("todo", "To read"), ("here", "Nothing to do"), ("done", "Read"), ("problem", "Not read")],
        required=True,
        default="todo",
        readonly=True,
        index=True,
    )
    outcome = fields.Char(string="Result", readonly=True)

    _number_uniq = models.Constraint("UNIQUE(recovery_id, amazon_order_id)", "An order is read once.")

    def _read_order(self) -> None:
        """Read this order and store it; the caller holds the import's lock and commits.

        :raise errors.SpapiError: Amazon cannot be asked now; nothing is noted
        :raise UserError: the key store cannot be used
        """
        self.ensure_one()
        account = self.recovery_id.account_id
        try:
            with self.env.cr.savepoint():
                outcome, order = recovering.read(account, self.amazon_order_id, automatic=True)
        except (errors.SpapiError, UserError, psycopg2.OperationalError):
            raise
        except Exception as error:
            account._log_unexpected(f"reading order {self.amazon_order_id}", error)
            outcome, order = recovering.FAILED, self.order_id
        self._note(outcome, order)

    def _note(self, outcome: str, order) -> None:
        self.write(
            {
                "state": "done" if outcome in (recovering.STORED, recovering.UNCHANGED) else "problem",
                "outcome": recovering.text_of(self.env, outcome),
                "order_id": order.id or self.order_id.id,
                "marketplace_id": order.marketplace_id.id or self.marketplace_id.id,
                "status": order.status or self.status,
            }
        )

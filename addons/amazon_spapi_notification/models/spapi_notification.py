from odoo import api, fields, models

ATTEMPTS = 5
"""How often Amazon is asked for an order before that is left to the searches."""
KEPT_DAYS = 30


class SpapiNotification(models.Model):
    """A message of Amazon that an order has changed, and what was done about it. It holds no personal data."""

    _name = "spapi.notification"
    _description = "Amazon Notification"
    _order = "id desc"
    _rec_name = "notification_id"

    account_id = fields.Many2one("spapi.account", required=True, readonly=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="account_id.company_id", store=True, precompute=True, index=True)
    notification_id = fields.Char(required=True, readonly=True)
    amazon_order_id = fields.Char(readonly=True, index="btree_not_null")
    order_id = fields.Many2one("spapi.order", readonly=True, index="btree_not_null", ondelete="set null")
    kind = fields.Char(string="Change", readonly=True)
    changed_at = fields.Datetime(string="Changed at Amazon", readonly=True)
    create_date = fields.Datetime(string="Received", readonly=True)
    done_at = fields.Datetime(string="Followed", readonly=True)
    state = fields.Selection(
        [
            ("new", "To follow"),
            ("done", "Followed"),
            ("known", "Known already"),
            ("search", "Left to the next search"),
            ("dead", "Not understood"),
            ("seen", "Not understood, seen"),
        ],
        required=True,
        default="new",
        readonly=True,
        index=True,
    )
    problem = fields.Char(readonly=True, help="Why the message was not understood, or what Amazon said.")
    attempt_count = fields.Integer(string="Attempts", readonly=True)
    subject_id = fields.Many2one(
        "pii.subject", string="Sealed Message", readonly=True, index="btree_not_null", ondelete="set null"
    )

    _message_uniq = models.Constraint("UNIQUE(account_id, notification_id)", "A message is taken in once.")

    def action_mark_seen(self) -> None:
        """A person has looked at messages that were not understood."""
        # sudo: rows are the import's; whoever may open the list may say that he has seen it
        self.filtered(lambda row: row.state == "dead").sudo().state = "seen"

    def action_follow(self) -> None:
        """Ask Amazon for the orders of these messages (again)."""
        again = self.filtered("amazon_order_id")
        again.sudo().write({"state": "new", "attempt_count": 0, "problem": False})  # sudo: see action_mark_seen
        self.env.ref("amazon_spapi_notification.ir_cron_read_notifications").sudo()._trigger()

    def action_view_order(self) -> dict:
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "spapi.order",
            "res_id": self.order_id.id,
            "view_mode": "form",
        }

    # === BUSINESS === #

    def _close(self, state: str, order=None, text: str = "") -> None:
        values = {"state": state, "done_at": fields.Datetime.now(), "problem": text or False}
        if order:
            values["order_id"] = order.id
        self.write(values)

    def _failed(self, text: str) -> None:
        """The order could not be read: after some attempts it is left to the searches, which read everything."""
        for row in self:
            count = row.attempt_count + 1
            row.write({"attempt_count": count, "problem": text, "state": "search" if count >= ATTEMPTS else "new"})

    @api.autovacuum
    def _gc_followed(self) -> None:
        """What was followed says nothing any more; what was not understood stays until a person has seen it."""
        over = fields.Datetime.subtract(fields.Datetime.now(), days=KEPT_DAYS)
        self.search([("create_date", "<", over), ("state", "not in", ("new", "dead"))]).unlink()

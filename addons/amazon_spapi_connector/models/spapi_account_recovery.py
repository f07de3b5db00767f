from __future__ import annotations

from datetime import timedelta

from odoo import fields, models
from odoo.exceptions import UserError

from ..spapi.operations import OPERATIONS
from ..spapi.quota import Bucket
from .spapi_account import MANAGER
from .spapi_order import MAPPABLE_STATES, NEWS, _notification


class SpapiAccount(models.Model):
    """Quota, comparison and recovery, as an account decides them."""

    _inherit = "spapi.account"

    # === OPTIONS === #

    quota_reserve = fields.Integer(
        string="Calls Kept for People",
        default=2,
        help="Automatic work leaves so many calls of each operation to people who press a button.",
    )
    quota_use_days = fields.Integer(
        string="Days of Quota Statistics", default=30, help="How long the use of Amazon's quota is kept by the hour."
    )
    recovery_limit = fields.Integer(
        string="Orders Read by Number at Once", default=1000, help="So many order numbers can be pasted at once."
    )
    reconcile_every = fields.Integer(
        string="Days Between Comparisons",
        default=0,
        help="Odoo is compared with Amazon by itself this often; 0: only when somebody asks for it.",
    )
    reconcile_days = fields.Integer(
        string="Days Compared", default=30, help="A comparison by itself looks at the orders placed in so many days."
    )
    reconcile_keep_days = fields.Integer(
        string="Days Results Are Kept", default=90, help="Comparisons and lists of recovered orders go after that."
    )
    quota_use_ids = fields.One2many("spapi.quota.use", "account_id", groups=MANAGER)
    quota_cards = fields.Json(compute="_compute_quota_cards", help="What the account's card shows of the quota.")

    _quota_reserve_positive = models.Constraint(
        "CHECK(quota_reserve >= 0)", "The calls kept for people cannot be negative."
    )
    _days_positive = models.Constraint(
        "CHECK(quota_use_days > 0 AND recovery_limit > 0 AND reconcile_every >= 0 AND reconcile_days > 0"
        " AND reconcile_keep_days > 0)",
        "Days and limits of comparison, recovery and statistics must be positive.",
    )

    # === QUOTA === #

    def _compute_quota_cards(self) -> None:
        for account in self:
            account.quota_cards = account._quota_card_values()

    def _quota_card_values(self) -> list[dict]:
        """One card per operation that was called: what is left, what the last hour took, when there is more.

        ``{operation, left, burst, reserve, per_hour, calls, throttled, waited, next}``: `left` whole calls now, `next`
        seconds until one more (0 when full), `calls`, `throttled` and `waited` of the current hour.
        """
        self.ensure_one()
        quotas_sudo = self.sudo().quota_ids  # sudo: how many calls are left is no secret
        if not quotas_sudo:
            return []
        now = quotas_sudo._now(self.env.cr)
        hour = fields.Datetime.now().replace(minute=0, second=0, microsecond=0)
        used = {
            row.operation: row
            for row in self.env["spapi.quota.use"].sudo().search([("account_id", "=", self.id), ("hour", ">=", hour)])
        }
        cards = []
        for quota in quotas_sudo:
            bucket = Bucket(quota.rate, quota.burst, quota.tokens, quota.updated_epoch).refill(now)
            row = used.get(quota.operation)
            cards.append(
                {
                    "operation": quota.operation,
                    "left": max(0, int(bucket.tokens + 1e-6)),
                    "burst": int(quota.burst),
                    "reserve": self.quota_reserve,
                    "per_hour": round(quota.rate * 3600, 1),
                    "calls": row.calls if row else 0,
                    "throttled": row.throttled if row else 0,
                    "waited": row.waited if row else 0,
                    "next": round(bucket.wait(now, int(bucket.tokens) + 1)) if bucket.tokens < bucket.burst else 0,
                }
            )
        return sorted(cards, key=lambda card: list(OPERATIONS).index(card["operation"]))

    # === READING === #

    def _check_reading(self) -> None:
        """Whether this account can be asked about orders now. :raise UserError: says what to do"""
        self.ensure_one()
        self.check_access("read")
        account_sudo = self.sudo()  # sudo: whether there are credentials is no secret
        if not (account_sudo.has_refresh_token and account_sudo.has_client_secret and account_sudo.client_id):
            raise UserError(self.env._("%s is not connected to Amazon yet.", self.name))
        if self.state == "revoked":
            raise UserError(self.env._("The seller of %s must authorise again first.", self.name))
        if self.state == "draft":
            raise UserError(self.env._("Use “Test connection” on %s first.", self.name))
        if not self.marketplace_ids:
            raise UserError(self.env._("Choose the marketplaces of %s first.", self.name))

    def _read_until(self):
        """Up to which of Amazon's updates the import has read everything (naive UTC); None before its first run."""
        # sudo: how far the import is, is no secret here
        cursor = self.sudo().cursor_ids.filtered(lambda cursor: cursor.search_code == "changes")
        return cursor.last_updated_after or None

    # === ACTIONS === #

    def action_remap_all(self) -> dict:
        """Try all orders again that wait or were stopped, after something was corrected; the import does it."""
        self.check_access("read")
        orders = (
            self.env["spapi.order"]
            .sudo()  # sudo: states are the import's
            .search(
                [
                    ("account_id", "in", self.ids),
                    ("state", "in", MAPPABLE_STATES),
                    ("sale_order_id", "=", False),
                    # somebody settled it elsewhere: only who looks at it imports it
                    ("problem_code", "!=", NEWS),
                ]
            )
            .filtered(lambda order: order._is_mappable())
        )
        if not orders:
            raise UserError(self.env._("No order waits for anything that could be tried again."))
        orders.write({"state": "new"})
        self._trigger_import()
        return _notification(self.env._("%s orders are tried again within a minute.", len(orders)), "info")

    def action_reconcile(self) -> dict:
        """Begin a comparison of the last days with Amazon, and show it."""
        self.ensure_one()
        begin = fields.Datetime.now() - timedelta(days=self.reconcile_days)
        one = self.env["spapi.reconciliation"].create({"account_id": self.id, "date_from": begin})
        one.action_start()
        return {
            "type": "ir.actions.act_window",
            "res_model": one._name,
            "res_id": one.id,
            "view_mode": "form",
        }

    def action_view_quota_use(self) -> dict:
        action = self.env["ir.actions.actions"]._for_xml_id("amazon_spapi_connector.action_spapi_quota_use")
        return {**action, "domain": [("account_id", "in", self.ids)]}

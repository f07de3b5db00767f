from __future__ import annotations

from odoo import api, fields, models


class SpapiAccount(models.Model):
    """What the card of an account shows: today's orders, what needs a person, what Amazon still grants."""

    _inherit = "spapi.account"

    today_count = fields.Integer(string="Orders Today", compute="_compute_card")
    to_ship_count = fields.Integer(string="To Ship", compute="_compute_card")
    risk_count = fields.Integer(string="At Risk", compute="_compute_card", help="Late or at risk to be shipped late.")
    calls_left = fields.Integer(
        string="Reads Left", compute="_compute_calls_left", compute_sudo=True, help="Of orders, as Amazon grants them."
    )
    marketplace_codes = fields.Char(string="Countries", compute="_compute_marketplace_codes")
    next_run = fields.Datetime(compute="_compute_next_run", compute_sudo=True)

    def _compute_card(self) -> None:
        Order = self.env["spapi.order"]
        of_accounts = ("account_id", "in", self.ids)

        def count(*domain) -> dict[int, int]:
            rows = Order._read_group([of_accounts, *domain], ["account_id"], ["__count"])
            return {account.id: number for account, number in rows}

        # the same words as in the filter that a click opens, so that both mean the reader's day
        today = count(("purchase_date", ">=", "today"))
        to_ship = count(("ship_risk", "in", ("ok", "risk", "late")))
        risk = count(("ship_risk", "in", ("risk", "late")))
        for account in self:
            account.today_count = today.get(account.id, 0)
            account.to_ship_count = to_ship.get(account.id, 0)
            account.risk_count = risk.get(account.id, 0)

    @api.depends("marketplace_ids.code")
    def _compute_marketplace_codes(self) -> None:
        for account in self:
            account.marketplace_codes = " ".join(sorted(account.marketplace_ids.mapped("code")))

    def _compute_calls_left(self) -> None:
        for account in self:
            quota = account.quota_ids.filtered(lambda row: row.operation == "searchOrders")
            account.calls_left = quota.available

    def _compute_next_run(self) -> None:
        cron = self.env.ref("amazon_spapi_connector.ir_cron_import_orders", raise_if_not_found=False)
        # what is overdue runs as soon as a worker is free
        planned = max(cron.nextcall, fields.Datetime.now()) if cron and cron.active else False
        for account in self:
            going = account.state in ("connected", "error") and not account.import_paused and planned
            account.next_run = max(filter(None, (planned, account.retry_at))) if going else False

    def action_view_today(self) -> dict:
        return self._action_orders(self.env._("Orders Today"), {"search_default_today": 1})

    def action_view_to_ship(self) -> dict:
        return self._action_orders(self.env._("To Ship"), {"search_default_to_ship": 1}, "action_spapi_order_to_ship")

    def action_view_risk(self) -> dict:
        name = self.env._("Late or at Risk")
        return self._action_orders(name, {"search_default_risk": 1}, "action_spapi_order_to_ship")

    def action_open(self) -> dict:
        """Open the account's settings."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "spapi.account",
            "res_id": self.id,
            "view_mode": "form",
        }

from __future__ import annotations

from odoo import api, fields, models
from odoo.exceptions import UserError

from odoo.addons.pii_retention import sweeping

from .. import recovering
from ..mapping.whereabouts import Place, whereabouts
from ..models.spapi_account_import import BUSINESS_PARTS
from ..spapi import errors

BUTTONS = {
    "not_enabled": "enable",
    "before_since": "read",
    "missed": "read",
    "to_come": "read",
    "outdated": "read",
    "to_import": "retry",
    "waiting": "assign",
    "exception": "open",
    "quarantined": "open",
    "imported": "open",
    "erased": "open",
    "fba": "settings",
    "ignored": "open",
    "shipped_elsewhere": "open",
    "pending": "open",
    "cancelled": "open",
    "unfulfillable": "open",
    "fba_preparing": "open",
}
"""Code of an answer → what its button does."""


class SpapiOrderQuestion(models.TransientModel):
    """Why is this order not here? Amazon is asked, and the answer says what mends it."""

    _name = "spapi.order.question"
    _description = "Find a Missing Amazon Order"

    account_id = fields.Many2one("spapi.account", help="Empty: all connected accounts are asked.")
    number = fields.Char(string="Amazon Order Number", required=True)
    found_account_id = fields.Many2one("spapi.account", string="Found In", readonly=True)
    order_id = fields.Many2one("spapi.order", string="Stored Order", readonly=True)
    code = fields.Char(readonly=True)
    answer = fields.Text(readonly=True)
    button = fields.Selection(
        [
            ("read", "Read it now"),
            ("enable", "Enable its marketplace"),
            ("retry", "Import it now"),
            ("assign", "Assign products"),
            ("open", "Open the order"),
            ("settings", "Open the account"),
        ],
        readonly=True,
    )
    marketplace_id = fields.Many2one("spapi.marketplace", readonly=True)

    @api.constrains("number")
    def _check_number(self) -> None:
        """Only a number is stored of what a person types or pastes."""
        for question in self:
            question._the_number()

    def _the_number(self) -> str:
        try:
            numbers, rest = recovering.numbers_in(self.number or "", 1)
        except ValueError:
            numbers, rest = [], 0
        if len(numbers) != 1 or rest:
            raise UserError(
                self.env._("This is no Amazon order number. It looks like 406-1234567-1234567; enter one at a time.")
            )
        return numbers[0]

    # === ASKING === #

    def action_ask(self) -> dict:
        """Ask Amazon, account by account, until one knows the order."""
        self.ensure_one()
        number = self._the_number()
        accounts = self.account_id or self.env["spapi.account"].search([("state", "in", ("connected", "error"))])
        if not accounts:
            raise UserError(self.env._("No seller account is connected. Connect one first."))
        best = None
        for account in accounts:
            found = self._ask_account(account, number)
            if best is None or found["code"] != "unknown":
                best = found
            if found["code"] != "unknown":
                break
        if best["code"] == "unknown" and len(accounts) > 1:
            best["found_account_id"] = False
        self.write({**best, "number": number})
        return self._show()

    def _ask_account(self, account, number: str) -> dict:
        """Values of the answer for one account."""
        account._check_reading()
        service = account._as_service()
        try:
            asked, payload = recovering.ask(service, number, BUSINESS_PARTS, automatic=False)
        except errors.SpapiError as error:
            account._fail_for_user(error)
        payload = None  # noqa: F841 - the answer needs the business part alone
        order = self.env["spapi.order"].search(
            [("account_id", "=", account.id), ("amazon_order_id", "=", number)], limit=1
        )
        marketplace = self.env["spapi.marketplace"].search([("amazon_id", "=", asked.marketplace)], limit=1)
        code = whereabouts(
            Place(
                known=asked.outcome == "found",
                status=asked.status,
                channel=asked.channel,
                enabled=not asked.marketplace or marketplace in account.marketplace_ids,
                updated=asked.updated,
                since=account.import_since,
                over=sweeping.cutoff(account.company_id),
                read_until=account._read_until(),
                stored=order.state or "",
                problem=order.problem_code or "",
                erased=order.person_erased and order.fulfilled_by != "AMAZON",
                outdated=bool(asked.updated and order.last_updated and asked.updated > order.last_updated),
            )
        )
        return {
            "found_account_id": account.id,
            "order_id": order.id,
            "marketplace_id": marketplace.id,
            "code": code,
            "button": BUTTONS.get(code, False),
            "answer": self._sentence(code, account, order, asked, marketplace),
        }

    def _sentence(self, code: str, account, order, asked, marketplace) -> str:
        _ = self.env._
        values = {
            "account": account.name,
            "market": marketplace.name or asked.marketplace or "-",
            "status": dict(order._fields["status"]._description_selection(self.env)).get(asked.status, asked.status),
            "since": account._local(account.import_since),
            "sale": order.sale_order_id.sudo().name or "-",  # sudo: a number of a sale order tells nobody anything
            "problem": order.problem or "",
            "skus": order.missing_skus or "-",
        }
        return {
            "unknown": _(
                "Amazon knows no such order of %(account)s. It belongs to another seller account, is older than two"
                " years, or the number is mistyped.",
                **values,
            ),
            "over": _(
                "The order is older than this company keeps orders. It was deleted on its day and does not come back."
            ),
            "not_enabled": _(
                "The order was placed on %(market)s, which is not enabled on %(account)s, so its orders are not"
                " imported.",
                **values,
            ),
            "before_since": _(
                "The order did not change since %(since)s, when the import of %(account)s begins (Import Since). It"
                " can be read by itself.",
                **values,
            ),
            "to_come": _(
                "The import has not come to this order yet: it brings it within minutes. It can be read now.", **values
            ),
            "missed": _(
                "Amazon has the order, and the import should have brought it. Read it now; then compare the period"
                " with Amazon, to see whether it is the only one.",
                **values,
            ),
            "outdated": _("The order is here, but Amazon has changed it since (%(status)s). Read it now.", **values),
            "imported": _("The order is here: it is the sale order %(sale)s.", **values),
            "erased": _(
                "The order is here as %(sale)s, but the buyer's personal data was erased on its day: search it by its"
                " number, not by a name.",
                **values,
            ),
            "pending": _("The order is here and waits: the buyer's payment is not confirmed yet.", **values),
            "fba_preparing": _("The order is here and waits: Amazon prepares its shipment (FBA).", **values),
            "to_import": _("The order is stored and becomes a sale order at the next import. %(problem)s", **values),
            "waiting": _("The order is stored and waits for a product for: %(skus)s.", **values),
            "exception": _("The order is stored and needs a person: %(problem)s", **values),
            "quarantined": _("Amazon's data of this order could not be used; it is kept sealed. %(problem)s", **values),
            "cancelled": _("The order was cancelled at Amazon, so there is nothing to ship.", **values),
            "fba": _(
                "Amazon ships this order (FBA), and sales that Amazon ships are not imported for %(account)s.", **values
            ),
            "unfulfillable": _("Amazon marked this order as not to be fulfilled.", **values),
            "shipped_elsewhere": _("The order was shipped before it was imported, so it became no sale order."),
            "ignored": _("The order is stored and knowingly no sale order: %(problem)s", **values),
        }[code]

    # === MENDING === #

    def action_mend(self) -> dict:
        """What the answer's button does."""
        self.ensure_one()
        return getattr(self, f"_mend_{self.button}")() if self.button else self._show()

    def _mend_read(self) -> dict:
        account = self.found_account_id
        if not recovering.locked(account):
            recovery = self.env["spapi.recovery"]._for_ids(account, [self.number])
            recovery.action_start()
            return recovery._action_open()
        text = account._read_number(self.number)
        order = self.env["spapi.order"].search(
            [("account_id", "=", account.id), ("amazon_order_id", "=", self.number)], limit=1
        )
        self.write({"answer": text, "order_id": order.id, "code": "read", "button": "open" if order else False})
        return self._show()

    def _mend_enable(self) -> dict:
        account = self.found_account_id
        account._check_manager()
        account.marketplace_ids |= self.marketplace_id
        return self._mend_read()

    def _mend_retry(self) -> dict:
        self.order_id.action_retry()
        return self._mend_open()

    def _mend_assign(self) -> dict:
        return self.order_id.action_assign_products()

    def _mend_settings(self) -> dict:
        return self._open(self.found_account_id)

    def _mend_open(self) -> dict:
        return self._open(self.order_id)

    @staticmethod
    def _open(record) -> dict:
        return {
            "type": "ir.actions.act_window",
            "res_model": record._name,
            "res_id": record.id,
            "view_mode": "form",
        }

    def _show(self) -> dict:
        return {**self._open(self), "target": "new", "name": self.env._("Find a Missing Order")}

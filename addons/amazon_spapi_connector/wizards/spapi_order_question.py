from __future__ import annotations

from odoo import api, fields, models
from odoo.exceptions import UserError

from odoo.addons.pii_retention import sweeping

from .. import recovering
from ..mapping.whereabouts import Place, whereabouts
from ..models.spapi_account_search import BUSINESS_PARTS
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
    "settled": "open",
    "imported": "open",
    "erased": "open",
    "fba": "settings",
    "ignored": "open",
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

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._with_the_number(vals) for vals in vals_list])

    def write(self, vals):
        return super().write(self._with_the_number(vals))

    def _with_the_number(self, vals: dict) -> dict:
        """Nothing but a number is stored of what a person types or pastes: there may be a buyer in the rest."""
        if "number" not in vals:
            return vals
        try:
            numbers, _rest = recovering.numbers_in(vals["number"] or "", 1)
        except ValueError:
            raise UserError(
                self.env._("These are several order numbers. Ask for one; “Read Orders Again” takes many at once.")
            ) from None
        if not numbers:
            raise UserError(
                self.env._(
                    "There is no Amazon order number in this. One looks like 406-1234567-1234567, with its dashes."
                )
            )
        return {**vals, "number": numbers[0]}

    # === ASKING === #

    def action_ask(self) -> dict:
        """Ask Amazon, account by account, until one knows the order: first the one that has it stored.

        An account that cannot be asked does not keep the others from answering; what is then not known is said.
        """
        self.ensure_one()
        accounts = self.account_id or self.env["spapi.account"].search([("state", "in", ("connected", "error"))])
        if not accounts:
            raise UserError(self.env._("No seller account is connected. Connect one first."))
        here = self.env["spapi.order"].search([("amazon_order_id", "=", self.number)]).account_id
        best, silent = None, {}
        for account in accounts.sorted(lambda account: account not in here):
            try:
                found = self._ask_account(account, self.number)
            except UserError as error:
                silent[account] = error
                continue
            if best is None or found["code"] != "unknown":
                best = found
            if found["code"] != "unknown":
                break
        if best is None:
            best = self._answer_without_amazon(here, next(iter(silent.values())))
        if best["code"] == "unknown":
            if len(accounts) > 1:
                best["found_account_id"] = False
                names = ", ".join((accounts - self.env["spapi.account"].union(*silent)).mapped("name"))
                best["answer"] = self._sentence_unknown(names)
            for account, error in silent.items():
                reason = self.env._("%(account)s could not be asked: %(reason)s", account=account.name, reason=error)
                best["answer"] += "\n" + reason
        self.write(best)
        return self._show()

    def _answer_without_amazon(self, accounts, error: UserError) -> dict:
        """What is known here of an order when no account can be asked. :raise UserError: nothing is"""
        order = self.env["spapi.order"].search(
            [("account_id", "in", accounts.ids), ("amazon_order_id", "=", self.number)], limit=1
        )
        if not order:
            raise error
        text = self.env._(
            "Amazon could not be asked: %(error)s\nThe order is here as it was last read: %(state)s. %(problem)s",
            error=error,
            state=dict(order._fields["state"]._description_selection(self.env))[order.state],
            problem=order.problem or "",
        )
        values = {"found_account_id": order.account_id.id, "order_id": order.id, "marketplace_id": False}
        return {**values, "code": "not_asked", "button": "open", "answer": text}

    def _sentence_unknown(self, names: str) -> str:
        return self.env._(
            "Amazon knows no such order of %s. It belongs to another seller account, is older than two years, or the"
            " number is mistyped.",
            names,
        )

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
            "settled": order._settled_text(),
        }
        return {
            "unknown": self._sentence_unknown(account.name),
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
            "to_come": self._sentence_to_come(account),
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
            "pending": _("The order is here and waits at Amazon. %(problem)s", **values),
            "fba_preparing": _("The order is here and waits: Amazon prepares its shipment (FBA).", **values),
            "to_import": _("The order is stored and becomes a sale order at the next import. %(problem)s", **values),
            "waiting": _("The order is stored and waits for a product for: %(skus)s.", **values),
            "exception": _("The order is stored and needs a person: %(problem)s", **values),
            "quarantined": _("Amazon's data of this order could not be used; it is kept sealed. %(problem)s", **values),
            "settled": _("The order is stored, and somebody settled it outside Odoo: %(settled)s.", **values),
            "cancelled": _("The order was cancelled at Amazon, so there is nothing to ship.", **values),
            "fba": _(
                "Amazon ships this order (FBA), and sales that Amazon ships are not imported for %(account)s.", **values
            ),
            "unfulfillable": _("Amazon marked this order as not to be fulfilled.", **values),
            "ignored": _("The order is stored and knowingly no sale order: %(problem)s", **values),
        }[code]

    def _sentence_to_come(self, account) -> str:
        if account.import_paused:
            return self.env._(
                "The import of %s is paused, and has not come to this order. It can be read now.", account.name
            )
        if account.last_error:
            return self.env._(
                "The import of %(account)s has not come to this order, for it stopped: %(error)s It can be read now.",
                account=account.name,
                error=account.last_error,
            )
        return self.env._("The import has not come to this order yet: it brings it within minutes. It can be read now.")

    # === MENDING === #

    def action_mend(self) -> dict:
        """What the answer's button does."""
        self.ensure_one()
        # what a client of the API wrote into the question may be another company's
        self.found_account_id.check_access("read")
        self.order_id.check_access("read")
        return getattr(self, f"_mend_{self.button}")() if self.button else self._show()

    def _mend_read(self) -> dict:
        account = self.found_account_id
        account._check_reading()
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

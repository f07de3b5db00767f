from __future__ import annotations

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..mapping import tax_numbers
from ..mapping.schemes import EU
from ..spapi import vies

PURPOSE = "import_decision"
OF_VIES = frozenset(EU - {"GR"} | {"EL", "XI"})
"""Prefixes that VIES knows."""


class SpapiOrder(models.Model):
    """VAT numbers of buyers at VIES: only where an account says so, and only as the register of recipients allows."""

    _inherit = "spapi.order"

    vies_state = fields.Selection(
        [
            ("valid", "Confirmed"),
            ("invalid", "Not in VIES"),
            ("unavailable", "No answer yet"),
            ("other", "Not of VIES"),
        ],
        string="VIES",
        readonly=True,
        index="btree_not_null",
        help="What the Commission's register said of the buyer's VAT number; the number is sealed.",
    )
    vies_asked = fields.Datetime(string="VIES Asked On", readonly=True)
    vies_attempts = fields.Integer(readonly=True)

    def _ask_vies(self, recipient, seconds: int) -> None:
        """Ask about the number of each of these orders and keep the answer. Never raises for what VIES does.

        :param recipient: ``pii.recipient`` that the numbers are disclosed to; the ledger gets a row
        :raise UserError: the register does not allow it, or a seal does not open
        """
        # sudo is no key to a reveal: the real user's rights count, so the subjects must not be in sudo here.
        subjects = self.subject_id.sudo(False)
        partners = dict(zip(subjects.ids, self.subject_id._ensure_partners().ids, strict=True))
        answers: dict[int, str] = {}
        with (
            vies.client(seconds) as client,
            recipient.with_env(self.env).disclose(subjects, PURPOSE, self.env._("VIES enquiry")) as env,
        ):
            silent = 0
            for order in self:
                # sudo: an import has no rights on partners; what is read is what the reveal opened
                number = env["res.partner"].sudo().browse(partners[order.subject_id.id]).vat or ""
                prefix, digits = tax_numbers.split(number, order.country_id.code or "")
                if not digits or prefix not in OF_VIES:
                    answers[order.id] = "other"
                    continue
                # who does not answer three times is asked again another day
                found = vies.ask(client, prefix, digits) if silent < 3 else None
                silent = 0 if found is not None else silent + 1
                answers[order.id] = {True: "valid", False: "invalid"}.get(found, "unavailable")
        now = fields.Datetime.now()
        for order in self.sudo():
            order.write({"vies_state": answers[order.id], "vies_asked": now, "vies_attempts": order.vies_attempts + 1})
            if answers[order.id] == "invalid" and order.fiscal_scheme in ("reverse", "mixed"):
                order._warn_of_untaxed_sale()

    def _warn_of_untaxed_sale(self) -> None:
        """The sale went without tax because of a number that VIES does not know: a person decides, before it ships."""
        self.ensure_one()
        if not self.sale_order_id or self.sale_order_id.state == "cancel":
            return
        self.sale_order_id.with_context(mail_activity_quick_update=True).activity_schedule(
            "mail.mail_activity_data_warning",
            summary=self.env._("The buyer's VAT number is not in VIES"),
            note=self.env._(
                "This order was imported without tax, as a sale to a business in another EU country. VIES does not know"
                " the buyer's VAT number, so the tax may be due: ask your accountant before you ship and invoice it."
            ),
            user_id=(self.account_id.user_id or self.env.ref("base.user_admin")).id,
        )


class SpapiAccount(models.Model):
    _inherit = "spapi.account"

    vies_recipient_id = fields.Many2one(
        "pii.recipient",
        string="Ask VIES About VAT Numbers",
        groups="amazon_spapi_connector.group_manager",
        domain="[('kind', '=', 'tax_intermediary'), ('state', '=', 'active')]",
        help="The European Commission as a recipient of personal data, registered by a privacy officer for the purpose"
        " “Decide taxes” with invoice data. Without one, nobody is asked: numbers are checked by form and digits.",
    )
    vies_seconds = fields.Integer(
        string="Wait for VIES (seconds)", default=10, help="How long an answer may take before it counts as none."
    )
    vies_batch = fields.Integer(string="Numbers at a Time", default=20, help="How many numbers each hourly run asks.")
    vies_attempts = fields.Integer(string="Times to Ask", default=10, help="How often an unanswered number is asked.")
    vies_problem = fields.Char(readonly=True, copy=False, help="Why VIES was not asked at the last run.")

    _vies_positive = models.Constraint(
        "CHECK (vies_seconds > 0 AND vies_batch > 0 AND vies_attempts > 0)", "The figures for VIES begin at one."
    )

    @api.model
    def _cron_ask_vies(self) -> None:
        """Ask about the numbers that are valid by form, account by account, a batch each."""
        for account in self.sudo().search([("vies_recipient_id", "!=", False), ("state", "=", "connected")]):
            account._as_service()._run_vies()

    def _run_vies(self) -> None:
        self.ensure_one()
        account = self.sudo()
        orders = self.env["spapi.order"].search(
            [
                ("account_id", "=", self.id),
                ("vat_check", "=", "valid"),
                ("subject_id.state", "!=", "erased"),
                "|",
                ("vies_state", "=", False),
                "&",
                "&",
                ("vies_state", "=", "unavailable"),
                ("vies_attempts", "<", account.vies_attempts),
                ("vies_asked", "<", fields.Datetime.now() - timedelta(minutes=50)),
            ],
            limit=account.vies_batch,
            order="purchase_date desc, id desc",
        )
        if not orders:
            return
        problem = False
        try:
            orders._ask_vies(account.vies_recipient_id, account.vies_seconds)
        except (AccessError, UserError) as error:
            problem = str(error)
        account.vies_problem = problem

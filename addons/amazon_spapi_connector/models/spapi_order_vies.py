from __future__ import annotations

from collections import Counter
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from odoo.addons.pii_retention import keys
from odoo.addons.pii_retention.purposes import PURPOSES

from ..mapping import tax_numbers
from ..mapping.schemes import EU
from ..spapi import vies

PURPOSE = "import_decision"
OF_VIES = frozenset(EU - {"GR"} | {"EL", "XI"})
"""Prefixes that VIES knows."""
SILENT = 3
"""Unanswered questions about one country's numbers in a row after which the others of it wait for the next run; after
twice as many in all, everybody's."""
LONGEST_WAIT = 24
"""Hours between two questions about one number, which begin with one and double."""


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
    vies_next = fields.Datetime(readonly=True, help="Not asked again before, after VIES did not answer.")

    def _vies_unasked(self) -> dict:
        """Columns of an order about whose number VIES was not asked."""
        return {"vies_state": False, "vies_asked": False, "vies_attempts": 0, "vies_next": False}

    def _ask_vies(self, account) -> str | bool:
        """Ask about the number of each of these orders and keep the answers. Never raises for what VIES does.

        One order at a time, so that the ledger of disclosures names whose number left, and one seal that does not open
        stops no other order.

        :param account: ``spapi.account`` (sudo) with the ``pii.recipient`` that the numbers are disclosed to
        :return: why nobody was asked, as a sentence; False when somebody was
        """
        problem, asked, silent = False, False, Counter()
        with vies.client(account.vies_seconds) as client:
            for order in self:
                # A member state that is away, or all of VIES: whose number is not asked now is at the next run.
                if silent[order.country_id] >= SILENT or silent.total() >= 2 * SILENT:
                    continue
                try:
                    answer = order._ask_one(client, account.vies_recipient_id)
                except AccessError as error:
                    return str(error)
                except UserError as error:
                    problem, answer = str(error), "unavailable"
                    try:
                        keys.keyring(self.env)
                    except UserError:
                        return problem  # no order's fault
                else:
                    asked = True
                    silent[order.country_id] = silent[order.country_id] + 1 if answer == "unavailable" else 0
                order._keep_answer(answer, account)
        return not asked and problem

    def _ask_one(self, client, recipient) -> str:
        """Ask about the number of one order.

        :return: ``vies_state``
        :raise UserError: the register does not allow it, or the seal does not open
        """
        self.ensure_one()
        partner_id = self.subject_id._ensure_partners().id
        # sudo is no key to a reveal: the real user's rights count, so the subjects must not be in sudo here.
        subject = self.subject_id.sudo(False)
        with recipient.with_env(self.env).disclose(subject, PURPOSE, self.env._("VIES enquiry")) as env:
            # sudo: an import has no rights on partners; what is read is what the reveal opened
            number = env["res.partner"].sudo().browse(partner_id).vat or ""
            prefix, digits = tax_numbers.split(number, self.country_id.code or "")
            if not digits or prefix not in OF_VIES:
                return "other"
            return {True: "valid", False: "invalid", None: "unavailable"}[vies.ask(client, prefix, digits)]

    def _keep_answer(self, answer: str, account) -> None:
        """:param answer: ``vies_state``"""
        now, attempts = fields.Datetime.now(), self.vies_attempts + 1
        wait = timedelta(hours=min(2 ** (attempts - 1), LONGEST_WAIT), minutes=-10)
        # sudo: the mirror is the product's
        self.sudo().write({"vies_state": answer, "vies_asked": now, "vies_attempts": attempts, "vies_next": now + wait})
        if self.fiscal_scheme not in ("reverse", "mixed"):
            return
        if answer == "invalid":
            self.sudo()._warn_of_untaxed_sale()
        elif answer == "unavailable" and attempts >= account.vies_attempts:
            self.sudo()._warn_of_silence()

    # === TELLING === #

    def _warn_of_untaxed_sale(self) -> None:
        """The sale went without tax because of a number that VIES does not know: a person decides, before it ships."""
        self._warn_on_sale_order(
            self.env._("The buyer's VAT number is not in VIES"),
            self.env._(
                "This order was imported without tax, as a sale to a business in another EU country. VIES does not know"
                " the buyer's VAT number, so the tax may be due: ask your accountant before you ship and invoice it."
            ),
        )

    def _warn_of_silence(self) -> None:
        """Nobody asks any more, and the sale went without tax: a person does."""
        self._warn_on_sale_order(
            self.env._("VIES did not say whether the buyer's VAT number is valid"),
            self.env._(
                "This order was imported without tax, as a sale to a business in another EU country, and VIES did not"
                " answer as often as the account asks. Check the number on the Commission's page before you file the"
                " recapitulative statement; the invoice shows it."
            ),
        )

    def _forget_vies_warnings(self) -> None:
        """Take away what was said of a number that the buyer has no more."""
        _ = self.env._
        said = {
            _("The buyer's VAT number is not in VIES"),
            _("VIES did not say whether the buyer's VAT number is valid"),
        }
        self.sale_order_id.activity_ids.filtered(lambda activity: activity.summary in said).unlink()

    def _warn_on_sale_order(self, summary: str, note: str) -> None:
        """Give the account's responsible something to do, once; `summary` says what, without anything personal."""
        self.ensure_one()
        sale_order = self.sale_order_id
        if not sale_order or sale_order.state == "cancel" or summary in sale_order.activity_ids.mapped("summary"):
            return
        sale_order.with_context(mail_activity_quick_update=True).activity_schedule(
            "mail.mail_activity_data_warning",
            summary=summary,
            note=note,
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
    vies_attempts = fields.Integer(
        string="Times to Ask",
        default=10,
        help="How often an unanswered number is asked: after an hour, two, four and so on up to a day.",
    )
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
                "|",
                ("vies_next", "=", False),
                ("vies_next", "<=", fields.Datetime.now()),
            ],
            limit=account.vies_batch,
            order="purchase_date desc, id desc",
        )
        if not orders:
            return
        # Nothing is opened, and no refusal is written down, while the register does not allow it.
        recipient = account.vies_recipient_id
        refusal = recipient._refusal(orders.subject_id.sudo(), PURPOSES[PURPOSE])
        account.vies_problem = refusal or orders._ask_vies(account)

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

SCHEMES = [
    ("regular", "Own VAT or sales tax"),
    ("uoss", "One-stop shop (OSS)"),
    ("ioss", "Import one-stop shop (IOSS)"),
    ("deemed", "Amazon owes the tax"),
    ("export", "Export"),
    ("reverse", "Business in another EU country"),
]
"""The schemes of :mod:`..mapping.schemes`, in words."""
SHORT = {"uoss": "OSS", "ioss": "IOSS", "deemed": "Amazon", "export": "export", "reverse": "intra-EU"}


class TaxKey(NamedTuple):
    """What a tax is looked up by. `included` only says how a missing one is made."""

    country_id: int
    rate: Decimal
    scheme: str = "regular"
    included: bool = True


class SpapiTaxMap(models.Model):
    """Which tax of the books a rate of Amazon is, by destination and scheme. Rows come by themselves and may be
    changed."""

    _name = "spapi.tax.map"
    _description = "Amazon Tax"
    _order = "company_id, country_id, scheme, rate"
    _rec_name = "tax_id"
    _check_company_auto = True

    company_id = fields.Many2one("res.company", required=True, index=True, default=lambda self: self.env.company)
    country_id = fields.Many2one("res.country", string="Destination", required=True)
    scheme = fields.Selection(
        SCHEMES,
        required=True,
        default="regular",
        help="Who owes the tax and under which rule, as Amazon states it for each item.",
    )
    rate = fields.Float(string="Rate (%)", digits=(6, 3), required=True)
    tax_id = fields.Many2one(
        "account.tax",
        required=True,
        check_company=True,
        domain="[('type_tax_use', '=', 'sale')]",
        help="Change it to book this rate with a tax of your own; orders imported from then on use it.",
    )

    _rate_uniq = models.Constraint("UNIQUE(company_id, country_id, rate, scheme)", "This rate is mapped already.")

    @api.model
    def _rows(self, company, country_ids) -> dict[tuple[int, int, str], models.Model]:
        """``{(country id, rate in thousandths, scheme): account.tax}`` of what is mapped for the countries."""
        # sudo: importing must be possible without a right on taxes
        rows = self.sudo().search([("company_id", "=", company.id), ("country_id", "in", list(country_ids))])
        return {(row.country_id.id, _thousandths(row.rate), row.scheme): row.tax_id for row in rows}

    @api.model
    def _taxes(self, company, wanted: dict[TaxKey, models.Model]) -> dict[TaxKey, models.Model]:
        """The taxes wanted; those that are missing are created.

        :param wanted: key → the tax of the books that it comes from (``account.tax``), empty where none is known
        """
        if not wanted:
            return {}
        rows = self._rows(company, {key.country_id for key in wanted})
        result = {}
        for key in sorted(wanted):
            place = (key.country_id, _thousandths(key.rate), key.scheme)
            if place not in rows:
                # sudo: see _rows
                rows[place] = self.sudo()._create_row(company, key, wanted[key]).tax_id
            result[key] = self._in_use(rows[place]).with_env(self.env)
        return result

    @api.model
    def _in_use(self, tax):
        """`tax`, unless somebody has archived it. :raise UserError: it is archived, and says what to do"""
        if tax and not tax.active:
            raise UserError(
                self.env._(
                    "The tax “%s” is archived. Name another one in its place under Configuration → Taxes, then retry.",
                    tax.name,
                )
            )
        return tax

    @api.model
    def _create_row(self, company, key: TaxKey, like):
        """A tax that reproduces Amazon's amounts: like the one of the books if there is one, else posted to the account
        of the company's own sales tax."""
        country = self.env["res.country"].browse(key.country_id)
        fiscal_country = self._country_of_books(company, key)
        suffix = ", ".join(filter(None, (country.code, SHORT.get(key.scheme))))
        name = f"Amazon VAT {key.rate.normalize():f}% ({suffix})"
        Tax = self.env["account.tax"].with_company(company).with_context(active_test=False)
        tax = Tax.search([("company_id", "=", company.id), ("type_tax_use", "=", "sale"), ("name", "=", name)], limit=1)
        override = "tax_included" if key.included else "tax_excluded"
        if not tax and like:
            # Its accounts and the boxes of the tax return come with it; what it stands for in fiscal positions must
            # not: they would then put both taxes on every other sale.
            tax = like.with_company(company).copy(
                {"name": name, "price_include_override": override, "amount": float(key.rate), "active": True}
                | {link: [Command.clear()] for link in ("fiscal_position_ids", "original_tax_ids", "replacing_tax_ids")}
            )
        elif not tax:
            tax = Tax.create(
                {
                    "name": name,
                    "company_id": company.id,
                    "type_tax_use": "sale",
                    "amount_type": "percent",
                    "amount": float(key.rate),
                    "price_include_override": override,
                    "country_id": fiscal_country.id,
                    "tax_group_id": self._tax_group(company, fiscal_country).id,
                    "invoice_label": f"{key.rate.normalize():f}%",
                    "invoice_legal_notes": self._legal_notes(key.scheme),
                    **self._repartition(company, key.rate),
                }
            )
        return self.create(
            {
                "company_id": company.id,
                "country_id": key.country_id,
                "scheme": key.scheme,
                "rate": float(key.rate),
                "tax_id": tax.id,
            }
        )

    @api.model
    def _country_of_books(self, company, key: TaxKey):
        """The country of whose tax return it is: Odoo invoices a fiscal position with a VAT number of its own country
        with taxes of that country only."""
        Position = self.env["account.fiscal.position"]
        registered = key.scheme not in ("export", "reverse") and Position.search(
            [
                *Position._check_company_domain(company),
                ("foreign_vat", "!=", False),
                ("auto_apply", "=", True),
                ("country_id", "=", key.country_id),
            ],
            limit=1,
        )
        return registered.country_id if registered else company.account_fiscal_country_id or company.country_id

    @api.model
    def _repartition(self, company, rate: Decimal) -> dict:
        account = company.account_sale_tax_id.invoice_repartition_line_ids.filtered(
            lambda line: line.repartition_type == "tax"
        ).account_id[:1]
        lines = [
            Command.create({"repartition_type": "base", "factor_percent": 100}),
            Command.create(
                {"repartition_type": "tax", "factor_percent": 100, "account_id": account.id if rate else False}
            ),
        ]
        return {"invoice_repartition_line_ids": lines, "refund_repartition_line_ids": lines}

    @api.model
    def _legal_notes(self, scheme: str) -> str | bool:
        """What an invoice without the seller's tax must say, and why."""
        _ = self.env._
        return {
            "deemed": _(
                "The tax is accounted for by Amazon as deemed supplier (Directive 2006/112/EC art. 14a) or marketplace"
                " facilitator."
            ),
            "export": _("Export, exempt from VAT (Directive 2006/112/EC art. 146)."),
            "reverse": _("Intra-Community supply, exempt from VAT (Directive 2006/112/EC art. 138)."),
        }.get(scheme, False)

    @api.model
    def _tax_group(self, company, country):
        Group = self.env["account.tax.group"].with_company(company)
        domain = [("company_id", "=", company.id), ("country_id", "=", country.id), ("name", "=", "Amazon VAT")]
        return Group.search(domain, limit=1) or Group.create(
            {"name": "Amazon VAT", "company_id": company.id, "country_id": country.id}
        )


def _thousandths(rate) -> int:
    """Rates compare in thousandths of a percent: a float must not decide."""
    return round(float(rate) * 1000)

from __future__ import annotations

from decimal import Decimal

from odoo import api, fields, models
from odoo.fields import Command


class SpapiTaxMap(models.Model):
    """Which tax of the books a rate of Amazon is, by destination. Rows come by themselves and may be changed."""

    _name = "spapi.tax.map"
    _description = "Amazon Tax"
    _order = "company_id, country_id, rate"
    _rec_name = "tax_id"
    _check_company_auto = True

    company_id = fields.Many2one("res.company", required=True, index=True, default=lambda self: self.env.company)
    country_id = fields.Many2one("res.country", string="Destination", required=True)
    rate = fields.Float(string="Rate (%)", digits=(6, 3), required=True)
    tax_id = fields.Many2one(
        "account.tax",
        required=True,
        check_company=True,
        domain="[('type_tax_use', '=', 'sale')]",
        help="Change it to book this rate with a tax of your own; orders imported from then on use it.",
    )

    _rate_uniq = models.Constraint("UNIQUE(company_id, country_id, rate)", "This rate is mapped already.")

    @api.model
    def _taxes(self, company, wanted: set[tuple[int, Decimal]]) -> dict:
        """``{(country id, rate): account.tax}`` for the rates wanted; taxes that are missing are created."""
        if not wanted:
            return {}
        countries = list({country for country, _rate in wanted})
        rows = self.sudo().search([("company_id", "=", company.id), ("country_id", "in", countries)])
        result = {(row.country_id.id, _key(row.rate)): row.tax_id for row in rows}
        for country_id, rate in sorted(wanted):
            if (country_id, _key(rate)) not in result:
                row = self.sudo()._create_row(company, country_id, rate)
                result[country_id, _key(rate)] = row.tax_id
        return {(country_id, rate): result[country_id, _key(rate)].with_env(self.env) for country_id, rate in wanted}

    @api.model
    def _create_row(self, company, country_id: int, rate: Decimal):
        """A tax that reproduces Amazon's amounts, posted to the account of the company's own sales tax.

        sudo is the caller's: importing must be possible without the right to change taxes by hand.
        """
        country = self.env["res.country"].browse(country_id)
        fiscal_country = company.account_fiscal_country_id or company.country_id
        name = f"Amazon VAT {rate.normalize():f}% ({country.code})"
        Tax = self.env["account.tax"].with_company(company).with_context(active_test=False)
        tax = Tax.search([("company_id", "=", company.id), ("type_tax_use", "=", "sale"), ("name", "=", name)], limit=1)
        if not tax:
            account = company.account_sale_tax_id.invoice_repartition_line_ids.filtered(
                lambda line: line.repartition_type == "tax"
            ).account_id[:1]
            repartition = [
                Command.create({"repartition_type": "base", "factor_percent": 100}),
                Command.create({"repartition_type": "tax", "factor_percent": 100, "account_id": account.id}),
            ]
            tax = Tax.create(
                {
                    "name": name,
                    "company_id": company.id,
                    "type_tax_use": "sale",
                    "amount_type": "percent",
                    "amount": float(rate),
                    "price_include_override": "tax_included",
                    "country_id": fiscal_country.id,
                    "tax_group_id": self._tax_group(company, fiscal_country).id,
                    "invoice_label": f"{rate.normalize():f}%",
                    "invoice_repartition_line_ids": repartition,
                    "refund_repartition_line_ids": repartition,
                }
            )
        return self.create({"company_id": company.id, "country_id": country_id, "rate": float(rate), "tax_id": tax.id})

    @api.model
    def _tax_group(self, company, country):
        Group = self.env["account.tax.group"].with_company(company)
        domain = [("company_id", "=", company.id), ("country_id", "=", country.id), ("name", "=", "Amazon VAT")]
        return Group.search(domain, limit=1) or Group.create(
            {"name": "Amazon VAT", "company_id": company.id, "country_id": country.id}
        )


def _key(rate) -> int:
    """Rates compare in thousandths of a percent: a float must not decide."""
    return round(float(rate) * 1000)

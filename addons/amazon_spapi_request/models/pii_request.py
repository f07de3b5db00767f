from datetime import timedelta

from odoo import fields, models
from odoo.fields import Domain

from odoo.addons.pii_retention import calendar

from .spapi_account import end_authorisation, is_idle

ORIGIN = "amazon"


class PiiRequest(models.Model):
    """Whom a request is about, as Amazon names it: accounts, marketplaces, the date of the order."""

    _inherit = "pii.request"

    marketplace_ids = fields.Many2many(
        "spapi.marketplace", string="Marketplaces", help="Orders of these marketplaces only; all of them without any."
    )

    def _scope_fields(self):
        return super()._scope_fields() | {"marketplace_ids"}

    def write(self, vals):
        if "marketplace_ids" in vals and not self.env.su:
            self._check_unsettled()
            super().write({name: value for name, value in vals.items() if name != "marketplace_ids"})
            # sudo: as for any other part of the scope
            return super(PiiRequest, self.sudo()).write(
                {"marketplace_ids": vals["marketplace_ids"], **self._draft_values(vals)}
            )
        return super().write(vals)

    def _scope_words(self):
        words = super()._scope_words()
        if self.marketplace_ids:
            words.insert(0, (self.env._("Marketplaces"), ", ".join(self.marketplace_ids.mapped("name"))))
        return words

    def _scope_terms(self):
        return super()._scope_terms() | {"marketplaces": sorted(self.marketplace_ids.mapped("amazon_id"))}

    # === WHOM IT IS ABOUT === #

    def _accounts(self):
        """Return the accounts of the company that the request names, and the names that belong to none."""
        self.ensure_one()
        # sudo: officers need no right on accounts; those that were ended are still named by notices
        known = self.env["spapi.account"].sudo().with_context(active_test=False)
        known = known.search([("company_id", "=", self.company_id.id)])
        by_name = {name: account for account in known for name in account._names_of_account()}
        found, unknown = known.browse(), []
        for name in self._named_accounts():
            account = by_name.get(name.casefold())
            if account:
                found |= account
            else:
                unknown.append(name)
        return found, unknown

    def _order_domain(self, domain):
        """Return the domain of the subjects of Amazon orders, the buyers and what was quarantined of them."""
        # sudo: whose order a subject belongs to is no personal data
        orders = self.env["spapi.order"].sudo().search(Domain("company_id", "=", self.company_id.id) & domain)
        return Domain("id", "in", (orders.subject_id | orders.quarantine_subject_id).ids)

    def _account_domain(self):
        found, unknown = self._accounts()
        domain = Domain.TRUE
        if found:
            domain = self._order_domain(Domain("account_id", "in", found.ids))
        elif unknown:
            domain = Domain.FALSE
        if self.marketplace_ids:
            domain &= self._order_domain(Domain("marketplace_id", "in", self.marketplace_ids.ids))
        return domain, unknown

    def _reference_domain(self, references):
        return super()._reference_domain(references) | self._order_domain(Domain("amazon_order_id", "in", references))

    def _known_references(self, references):
        # sudo: as above
        orders = (
            self.env["spapi.order"]
            .sudo()
            .search([("company_id", "=", self.company_id.id), ("amazon_order_id", "in", references)])
        )
        return super()._known_references(references) | set(orders.mapped("amazon_order_id"))

    def _period_domain(self):
        """By the purchase where Amazon tells it: what was imported late belongs to the day of its order."""
        if not (self.date_from or self.date_to):
            return super()._period_domain()
        zone, domain = self.company_id._pii_figure("tz"), Domain.TRUE
        if self.date_from:
            domain &= Domain("purchase_date", ">=", calendar.begins(self.date_from, zone))
        if self.date_to:
            domain &= Domain("purchase_date", "<", calendar.begins(self.date_to + timedelta(days=1), zone))
        ours = self._order_domain(domain)
        return ours | (Domain("origin", "!=", ORIGIN) & super()._period_domain())

    # === THE END === #

    def _ended_accounts(self):
        """Return the accounts whose authorisation the request ends, those that were archived by hand as well."""
        self.ensure_one()
        if self._is_whole_company():
            # sudo: as above
            accounts = self.env["spapi.account"].sudo().with_context(active_test=False)
            return accounts.search([("company_id", "=", self.company_id.id)])
        narrowed = self.origin or self.marketplace_ids or self.date_from or self.date_to
        if narrowed or self._named_references() or self.subject_ids:
            return self.env["spapi.account"]  # a part of what an account sold: the account itself goes on
        return self._accounts()[0]

    def _end_authorisation(self):
        super()._end_authorisation()
        end_authorisation(self._ended_accounts())

    def _is_quiet(self):
        # EXTENDS pii_retention_request: an import that was under way may still store a page
        return super()._is_quiet() and all(is_idle(account) for account in self._ended_accounts())

from __future__ import annotations

from odoo import api, models
from odoo.exceptions import AccessError, UserError
from odoo.http import request

from odoo.addons.pii_retention import keys


class SpapiOrder(models.Model):
    """Where an order is taxed: decided once at import, while the address is open, and kept with the reason."""

    _inherit = "spapi.order"

    # === FISCAL POSITION === #

    def _decide_fiscal_positions(self, account) -> None:
        """Detect fiscal positions once and keep the result with its reason.

        Country and state are in clear. Postcode and VAT number, which are sealed, may decide too: only orders for which
        they can are opened, because without the reveal the result would silently be another one.
        """
        undecided = self.filtered(lambda order: not order.fiscal_reason and order.subject_id)
        if not undecided:
            return
        company = account.company_id
        Position = self.env["account.fiscal.position"].sudo()
        detecting = Position.search([*Position._check_company_domain(company), ("auto_apply", "=", True)])
        subjects = undecided.subject_id
        partners = dict(zip(subjects.ids, subjects._ensure_partners().ids, strict=True))
        if not detecting:
            undecided.write({"fiscal_reason": self.env._("No fiscal position is detected automatically.")})
            return
        by_zip = any(position.zip_from or position.zip_to for position in detecting)
        # there is nothing to open of a buyer who was erased
        sealed = undecided.filtered(lambda order: (by_zip or order.has_vat) and not order.person_erased)
        plain = undecided - sealed
        reason = self.env._("Detected from the country of delivery at import.")
        plain._keep_positions(self._detect(self.env, company, plain, partners, by_zip), reason)
        if not sealed:
            return
        if request and request.session.uid and request.session.uid != self.env.uid:
            # A person pressed the button: nobody acts as the import's identity. It decides itself, at its next run.
            sealed._set_problem("new", False, False)
            account._trigger_import()
            return
        reason = self.env._("Detected from the delivery address and VAT number at import.")
        try:
            sealed._keep_positions(sealed._detect_revealed(company, partners, by_zip), reason)
        except AccessError:
            raise
        except UserError:
            # A key store that cannot be used at all is nobody's order's fault; one seal that does not open is.
            keys.keyring(self.env)
            for order in sealed:
                try:
                    order._keep_positions(order._detect_revealed(company, partners, by_zip), reason)
                except UserError as error:
                    order._set_problem("exception", "not_opened", str(error))

    def _detect_revealed(self, company, partners: dict[int, int], by_zip: bool) -> dict[int, int]:
        # sudo is no key to a reveal: the real user's rights count, so the subjects must not be in sudo here.
        with self.subject_id.sudo(False).reveal("import_decision") as env:
            return self._detect(env, company, self, partners, by_zip)

    @api.model
    def _detect(self, env, company, orders, partners: dict[int, int], by_zip: bool) -> dict[int, int]:
        """``{order id: fiscal position id}`` as `env` sees the partners; equal facts are looked at once."""
        Position = env["account.fiscal.position"].sudo().with_company(company)
        known: dict[tuple, int] = {}
        result = {}
        for order_id, partner_id in [(order.id, partners[order.subject_id.id]) for order in orders]:
            partner = env["res.partner"].sudo().browse(partner_id)
            facts = (partner.country_id.id, partner.state_id.id, partner.vat, partner.zip if by_zip else None)
            if facts not in known:
                known[facts] = Position._get_fiscal_position(partner).id
            result[order_id] = known[facts]
        return result

    def _keep_positions(self, found: dict[int, int], reason: str) -> None:
        for order in self:
            order.write({"fiscal_position_id": found.get(order.id) or False, "fiscal_reason": reason})

from __future__ import annotations

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.http import request

from odoo.addons.pii_retention import keys

from ..mapping import tax_numbers
from ..mapping.incoming import Incoming
from ..mapping.schemes import MIXED
from .spapi_tax_map import SCHEMES


class SpapiOrder(models.Model):
    """Where an order is taxed: decided once at import, while the address is open, and kept with the reason."""

    _inherit = "spapi.order"

    fiscal_scheme = fields.Selection(
        [*SCHEMES, (MIXED, "Several")],
        string="Tax Scheme",
        readonly=True,
        help="Who owes the tax, and under which rule.",
    )
    fiscal_scheme_reason = fields.Char(string="Why This Scheme", readonly=True)
    fiscal_doubt = fields.Selection(
        [("assumed", "Country assumed"), ("foreign_rate", "Rate of another country")],
        string="To Check for Tax",
        readonly=True,
        help="Amazon was asked neither for the buyer's country nor for the tax scheme: the marketplace's country was"
        " taken. Compare with Amazon's VAT transactions report before you file a return.",
    )
    vat_zone = fields.Selection(
        [
            ("ordinary", "The country of the address"),
            ("outside", "Outside the EU VAT area"),
            ("xi", "Northern Ireland"),
        ],
        string="VAT Area",
        readonly=True,
        help="Decided from the address when it came in; the postcode itself is sealed.",
    )
    territory_id = fields.Many2one("spapi.territory", readonly=True, ondelete="set null", index="btree_not_null")
    territory_reason = fields.Char(string="Why This VAT Area", readonly=True)

    # === ADDRESS === #

    @api.model
    def _fiscal_facts(self, incoming: Incoming) -> dict:
        """What the address of an order decides, while it is here in the open.

        :return: values for the order; nothing of an order that came without an address
        """
        values = {}
        country = incoming.order.country_code if incoming.order else ""
        personal = incoming.split.personal
        if country and incoming.has_address:
            values |= self._zone_values(country, personal.get("operational", {}))
            values["fiscal_reason"] = False
        return values

    @api.model
    def _zone_values(self, country: str, address: dict) -> dict:
        """:param address: keys ``zip``, ``city``, ``state``"""
        _ = self.env._
        territory, by = self.env["spapi.territory"]._find(
            country, address.get("zip"), address.get("city"), address.get("state")
        )
        if not territory:
            return {"vat_zone": "ordinary", "territory_id": False, "territory_reason": False}
        known = {
            "postcode": _("by the postcode"),
            "town": _("by the town"),
            "region": _("by the region"),
            "country": _("by the country"),
        }[by]
        zone = {"outside": "outside", "xi": "xi"}.get(territory.kind, "ordinary")
        # sudo: the import has no rights on settings
        reason = f"{territory.sudo().name}, {known}: {territory.sudo().source}"
        return {"vat_zone": zone, "territory_id": territory.id, "territory_reason": reason}

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
        by_zip = any(position.zip_from or position.zip_to for position in detecting)
        special = self.env["spapi.territory"]._countries()
        # there is nothing to open of a buyer who was erased
        sealed = undecided.filtered(
            lambda order: (
                (
                    ((by_zip or order.has_vat) and detecting)
                    or (not order.vat_zone and order.has_address and order.country_id.code in special)
                    or (order.has_vat and not order.vat_check)
                )
                and not order.person_erased
            )
        )
        plain = undecided - sealed
        reason = self.env._("Detected from the country of delivery at import.")
        if not detecting:
            by_zip, reason = None, self.env._("No fiscal position is detected automatically.")
        plain._keep_positions(company, self._detect(self.env, company, plain, partners, by_zip), reason)
        if not sealed:
            return
        if request and request.session.uid and request.session.uid != self.env.uid:
            # A person pressed the button: nobody acts as the import's identity. It decides itself, at its next run.
            sealed._set_problem("new", False, False)
            account._trigger_import()
            return
        if detecting:
            reason = self.env._("Detected from the delivery address and VAT number at import.")
        try:
            sealed._decide_revealed(company, partners, by_zip, reason)
        except AccessError:
            raise
        except UserError:
            # A key store that cannot be used at all is nobody's order's fault; one seal that does not open is.
            keys.keyring(self.env)
            for order in sealed:
                try:
                    order._decide_revealed(company, partners, by_zip, reason)
                except UserError as error:
                    order._set_problem("exception", "not_opened", str(error))

    def _decide_revealed(self, company, partners: dict[int, int], by_zip: bool | None, reason: str) -> None:
        # sudo is no key to a reveal: the real user's rights count, so the subjects must not be in sudo here.
        with self.subject_id.sudo(False).reveal("import_decision") as env:
            found = self._detect(env, company, self, partners, by_zip)
            facts = {order.id: order._facts_revealed(env, partners[order.subject_id.id]) for order in self}
        for order in self:
            if facts[order.id]:
                order.write(facts[order.id])
        self._keep_positions(company, found, reason)

    def _facts_revealed(self, env, partner_id: int) -> dict:
        """What was not decided when the address came in: by an earlier version, or territories have changed since."""
        # sudo: the buyer's rights on partners are no matter; what is read is what the reveal opened
        partner = env["res.partner"].sudo().browse(partner_id)
        country = self.country_id.code or ""
        values = {}
        if not self.vat_zone and country and self.has_address:
            address = {"zip": partner.zip, "city": partner.city, "state": partner.state_id.name}
            values |= self._zone_values(country, address)
        if self.has_vat and not self.vat_check and partner.vat:
            values["vat_check"] = tax_numbers.check(partner.vat, country)
        return values

    @api.model
    def _detect(self, env, company, orders, partners: dict[int, int], by_zip: bool | None) -> dict[int, int]:
        """``{order id: fiscal position id}`` as `env` sees the partners; equal facts are looked at once.

        :param by_zip: whether postcodes decide; None where no fiscal position is detected at all
        """
        if by_zip is None:
            return {}
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

    def _keep_positions(self, company, found: dict[int, int], reason: str) -> None:
        for order in self:
            position, why = self.env["account.fiscal.position"].sudo().browse(found.get(order.id) or []), reason
            if order.territory_id:
                position, why = order._position_of_territory(company, position, reason)
            order.write({"fiscal_position_id": position.id, "fiscal_reason": why})

    def _position_of_territory(self, company, detected, reason: str) -> tuple:
        """The fiscal position of an order to a special territory, and why: the code of its country says too little."""
        _ = self.env._
        territory = self.territory_id.sudo().with_company(company)  # sudo: the import has no rights on settings
        if territory.fiscal_position_id.active:
            return territory.fiscal_position_id, _("Set for %s in “Special Territories”.", territory.name)
        if territory.kind != "outside" or detected.zip_from or not territory.zip_codes:
            return detected, reason
        abroad = detected.search(
            [
                *detected._check_company_domain(company),
                ("auto_apply", "=", True),
                ("vat_required", "=", False),
                ("country_id", "=", False),
                ("country_group_id", "=", False),
                ("state_ids", "=", False),
            ],
            limit=1,
        )
        if abroad:
            return abroad, _("%s lies outside the VAT area of its country: as other countries abroad.", territory.name)
        return abroad, _(
            "%s lies outside the VAT area of its country; no fiscal position is set for it in “Special Territories”.",
            territory.name,
        )

from __future__ import annotations

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import ormcache

from ..mapping.territories import Territory, find, names, zip_rules


class SpapiTerritory(models.Model):
    """A part of a country, or a country, that taxes its goods otherwise than the code of its country says.

    Addresses are compared while they are open; an order keeps the territory, never the postcode.
    """

    _name = "spapi.territory"
    _description = "Special Tax Territory"
    _order = "country_id, name"

    name = fields.Char(required=True, translate=True)
    country_id = fields.Many2one(
        "res.country", string="Country in the Address", required=True, help="The country that such an address bears."
    )
    kind = fields.Selection(
        [
            ("outside", "Outside the EU VAT area: an export"),
            ("xi", "Northern Ireland: EU goods"),
            ("part", "Part of another country"),
        ],
        required=True,
        default="outside",
    )
    vat_country_id = fields.Many2one(
        "res.country", string="Taxed As", help="Goods for here are taxed as if they went to that country."
    )
    zip_codes = fields.Char(
        string="Postcodes", help="Separated by commas: the beginning of a postcode (35), or a range (97100-97699)."
    )
    towns = fields.Char(help="Names of towns, separated by commas, known whatever the postcode.")
    regions = fields.Char(help="Names or codes of regions, separated by commas; they count where there is no postcode.")
    source = fields.Char(required=True, help="The law that makes it special.")
    fiscal_position_id = fields.Many2one(
        "account.fiscal.position",
        company_dependent=True,
        help="What orders to here get in this company; without one, a fiscal position detected by postcode, or none.",
    )
    active = fields.Boolean(default=True)

    _part_of = models.Constraint(
        "CHECK (kind <> 'part' OR vat_country_id IS NOT NULL)", "Say which country it is taxed as."
    )

    @api.constrains("zip_codes")
    def _check_zip_codes(self) -> None:
        for territory in self:
            try:
                zip_rules(territory.zip_codes)
            except ValueError as error:
                raise ValidationError(
                    self.env._(
                        "“%s” is no range of postcodes: both ends need as many digits, the smaller first.",
                        error.args[0],
                    )
                ) from error

    # === LOOKUP === #

    @api.model
    @ormcache()
    def _rows(self) -> tuple[Territory, ...]:
        # sudo: the same rows hold for everybody, and an import has no rights on settings
        return tuple(
            Territory(row.id, row.country_id.code, zip_rules(row.zip_codes), names(row.towns), names(row.regions))
            for row in self.sudo().search([], order="id")
        )

    @api.model
    def _countries(self) -> frozenset[str]:
        """ISO codes of the countries in which something is special."""
        return frozenset(row.country for row in self._rows())

    @api.model
    def _find(self, country: str, postcode: str = "", town: str = "", region: str = ""):
        """(territory, what it was known by), an empty record and "" for an ordinary address."""
        found = find(self._rows(), country, postcode or "", town or "", region or "")
        return (self.browse(found[0]), found[1]) if found else (self, "")

    # === CHANGES === #

    @api.model_create_multi
    def create(self, vals_list):
        territories = super().create(vals_list)
        territories._forget()
        return territories

    def write(self, vals):
        self._forget()
        result = super().write(vals)
        if set(vals) - {"name", "source", "fiscal_position_id"}:
            self._forget()
        return result

    def unlink(self):
        self._forget()
        return super().unlink()

    def _forget(self) -> None:
        """Decide anew, with the address open, for orders that are no sale orders yet."""
        self.env.registry.clear_cache()
        # sudo: who keeps the territories need not see orders
        orders = (
            self.env["spapi.order"]
            .sudo()
            .search(
                [
                    ("sale_order_id", "=", False),
                    ("country_id", "in", self.country_id.ids),
                    ("state", "in", ("new", "waiting", "exception")),
                ]
            )
        )
        orders.write({"vat_zone": False, "territory_id": False, "territory_reason": False, "fiscal_reason": False})

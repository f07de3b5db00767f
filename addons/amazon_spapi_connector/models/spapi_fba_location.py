from __future__ import annotations

from odoo import api, fields, models

from ..mapping.fulfilment import fulfilment_region


class SpapiFbaLocation(models.Model):
    """Where an account's goods in Amazon's warehouses of a region stand, and how they leave and come back.

    Amazon cannot send German stock to an American buyer, so each region has a location of its own. The locations belong
    to no warehouse of yours: what is at Amazon is not on hand for the orders that you ship.
    """

    _name = "spapi.fba.location"
    _description = "Amazon FBA Stock"
    _order = "account_id, region"
    _rec_name = "location_id"
    _check_company_auto = True

    account_id = fields.Many2one("spapi.account", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="account_id.company_id", store=True, precompute=True, index=True)
    region = fields.Char(
        required=True,
        readonly=True,
        help="EU, UK and NA share their stock among several marketplaces; elsewhere each country has its own.",
    )
    location_id = fields.Many2one(
        "stock.location",
        string="Stock Location",
        required=True,
        check_company=True,
        domain="[('usage', '=', 'internal')]",
        ondelete="restrict",
        help="FBA orders of the region take their goods from here, and returns bring them back.",
    )
    delivery_type_id = fields.Many2one(
        "stock.picking.type",
        string="Deliveries",
        required=True,
        check_company=True,
        domain="[('code', '=', 'outgoing')]",
        ondelete="restrict",
        help="Asks for no lots or serial numbers: Amazon does not tell which ones it shipped.",
    )

    _region_uniq = models.Constraint("UNIQUE(account_id, region)", "The account has a location for this region.")

    @api.model
    def _ensure(self, account, country_codes) -> dict[str, models.Model]:
        """``{country code of a marketplace: FBA location}`` of an account; what is missing is made.

        :param country_codes: ISO codes of marketplaces
        """
        # sudo: the import, or whoever presses the button, needs no right on the layout of warehouses
        Location = self.sudo()
        known = {row.region: row for row in Location.search([("account_id", "=", account.id)])}
        regions = {code: fulfilment_region(code) for code in country_codes}
        for region in sorted(set(regions.values()) - set(known)):
            known[region] = Location._make(account.sudo(), region)
        return {code: known[region] for code, region in regions.items()}

    @api.model
    def _make(self, account, region: str):
        """Make the location of a region with its two operation types, below “Amazon FBA”."""
        company = account.company_id
        Location = self.env["stock.location"].with_company(company)
        domain = [("usage", "=", "view"), ("company_id", "=", company.id), ("name", "=", "Amazon FBA")]
        view = Location.search([*domain, ("warehouse_id", "=", False)], limit=1)
        view = view or Location.create({"name": "Amazon FBA", "usage": "view", "company_id": company.id})
        name = f"{account.name} {region}"
        stock = Location.create({"name": name, "usage": "internal", "location_id": view.id, "company_id": company.id})
        customers = self.env.ref("stock.stock_location_customers")
        common = {
            "company_id": company.id,
            "warehouse_id": False,
            # Amazon says how many it shipped and not which: lots and serial numbers must not hold an order up.
            "use_create_lots": False,
            "use_existing_lots": False,
            "reservation_method": "manual",
            "create_backorder": "always",
            "print_label": False,
        }
        Type = self.env["stock.picking.type"].with_company(company)
        prefix = f"FBA/{region}/"
        if Type.search_count([("company_id", "=", company.id), ("sequence_code", "=", prefix + "OUT/")], limit=1):
            # another account of the company has the plain numbers
            prefix = f"FBA{account.id}/{region}/"
        returns = Type.create(
            {
                **common,
                "name": self.env._("FBA Returns %s", name),
                "code": "incoming",
                "sequence_code": prefix + "RET/",
                "default_location_src_id": customers.id,
                "default_location_dest_id": stock.id,
            }
        )
        deliveries = Type.create(
            {
                **common,
                "name": self.env._("FBA Deliveries %s", name),
                "code": "outgoing",
                "sequence_code": prefix + "OUT/",
                "default_location_src_id": stock.id,
                "default_location_dest_id": customers.id,
                "return_picking_type_id": returns.id,
            }
        )
        (returns | deliveries).sequence_id.padding = 5
        return self.create(
            {
                "account_id": account.id,
                "region": region,
                "location_id": stock.id,
                "delivery_type_id": deliveries.id,
            }
        )

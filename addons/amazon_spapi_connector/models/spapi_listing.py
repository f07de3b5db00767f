from __future__ import annotations

from odoo import api, fields, models

from ..mapping import similar


class SpapiListing(models.Model):
    """Which product a SKU of an account is. Without a listing the product's internal reference decides.

    Rows without product are the queue of unmapped SKUs; they come into being when an order waits for one. A listing
    says what future orders ship: what is confirmed already is never touched.
    """

    _name = "spapi.listing"
    _description = "Amazon Listing"
    _order = "product_id nulls first, sku"
    _rec_name = "sku"
    _check_company_auto = True

    account_id = fields.Many2one(
        "spapi.account",
        required=True,
        index=True,
        ondelete="cascade",
        default=lambda self: self._default_account(),
    )
    company_id = fields.Many2one(related="account_id.company_id", store=True, precompute=True, index=True)
    marketplace_id = fields.Many2one(
        "spapi.marketplace", help="Empty: the SKU means this product in all marketplaces of the account."
    )
    sku = fields.Char(
        string="SKU", required=True, index=True, trim=False, help="As Amazon writes it: case and spaces count."
    )
    asin = fields.Char(string="ASIN", readonly=True)
    title = fields.Char(readonly=True, help="Amazon's title of the article.")
    product_id = fields.Many2one(
        "product.product",
        check_company=True,
        index="btree_not_null",
        domain="[('type', '!=', 'combo')]",
        help="The product that leaves your warehouse for this SKU.",
    )
    active = fields.Boolean(default=True)

    waiting_orders = fields.Integer(readonly=True, copy=False, help="Orders that cannot be imported before this.")
    waiting_ship_by = fields.Datetime(
        string="Ship By", readonly=True, copy=False, help="When the most urgent of the waiting orders must leave."
    )
    previous_product_id = fields.Many2one("product.product", readonly=True, copy=False, ondelete="set null")
    assigned_by_id = fields.Many2one("res.users", readonly=True, copy=False, ondelete="set null")
    assigned_on = fields.Datetime(readonly=True, copy=False)
    suggested_product_id = fields.Many2one("product.product", string="Suggestion", compute="_compute_suggestion")
    suggestion_reason = fields.Char(string="Because", compute="_compute_suggestion")
    suggestion_is_sure = fields.Boolean(
        compute="_compute_suggestion", help="One product alone has this barcode, ASIN or code."
    )

    _sku_uniq = models.UniqueIndex(
        "(account_id, COALESCE(marketplace_id, 0), sku)", "This SKU is listed already for this account and marketplace."
    )

    @api.model
    def _default_account(self):
        """The only account there is, so that a list of SKUs imported from a file needs no column for it."""
        accounts = self.env["spapi.account"].search([], limit=2)
        return accounts if len(accounts) == 1 else accounts.browse()

    # === COMPUTE === #

    @api.depends("sku", "asin", "product_id", "account_id")
    def _compute_suggestion(self) -> None:
        open_rows = self.filtered(lambda listing: not listing.product_id and listing.sku)
        (self - open_rows).update(
            {"suggested_product_id": False, "suggestion_reason": False, "suggestion_is_sure": False}
        )
        found = open_rows._suggestions()
        for listing in open_rows:
            product_id, reason, sure = (found[listing.id] or [(False, False, False)])[0]
            listing.suggested_product_id = product_id
            listing.suggestion_reason = reason
            listing.suggestion_is_sure = sure

    def _suggestions(self, limit: int = 5) -> dict[int, list[tuple[int, str, bool]]]:
        """``{listing id: [(product id, why, sure)]}``, the surest first. Only one product is a sure one, or none is.

        A SKU or ASIN that is a product's barcode (an ISBN too), another listing's ASIN, the same code written
        otherwise, a similar code. The products of all companies involved are read once.
        """
        _ = self.env._
        Product = self.env["product.product"]
        domain = [("company_id", "in", [False, *self.company_id.ids]), ("type", "!=", "combo")]
        products = Product.search_fetch(domain, ["default_code", "barcode", "company_id"]) if self else Product
        barcodes: dict[str, list] = {}
        for product in products:
            for text in {product.barcode, similar.gtin(product.barcode or "")} - {"", False}:
                barcodes.setdefault(text, []).append(product)
        index = similar.Index((product.id, product.default_code) for product in products if product.default_code)
        asins = [listing.asin for listing in self if listing.asin]
        listed: dict[tuple[int, str], list] = {}
        for other in self.search([("asin", "in", asins), ("product_id", "!=", False)]):
            listed.setdefault((other.company_id.id, other.asin), []).append(other)
        result = {}
        for listing in self:
            found: dict[int, tuple[str, bool]] = {}
            for text in (listing.sku, similar.gtin(listing.sku), listing.asin, similar.gtin(listing.asin or "")):
                for product in barcodes.get(text, ()) if text else ():
                    found.setdefault(product.id, (_("Barcode %s", product.barcode), True))
            for other in listed.get((listing.company_id.id, listing.asin), ()):
                found.setdefault(other.product_id.id, (_("Same ASIN as %s", other.sku), True))
            for product_id, score in index.find(listing.sku):
                code = Product.browse(product_id).default_code
                reason = _("Same code: %s", code) if score == 1 else _("Similar code: %s", code)
                found.setdefault(product_id, (reason, score == 1))
            fitting = Product.browse(found).filtered(
                lambda product, listing=listing: product.company_id in (Product.company_id, listing.company_id)
            )
            alone = sum(found[product.id][1] for product in fitting) == 1
            rows = [(product.id, found[product.id][0], found[product.id][1] and alone) for product in fitting]
            result[listing.id] = rows[:limit]
        return result

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        """Create listings; a row of the queue that waits for the same SKU is filled in instead."""
        if not all(vals.get("account_id") for vals in vals_list):
            account_id = self._default_account().id
            vals_list = [{**vals, "account_id": vals.get("account_id") or account_id} for vals in vals_list]
        waiting = self._queued([vals for vals in vals_list if vals.get("product_id")])
        result, fresh = [], []
        for vals in vals_list:
            row = waiting.pop(self._key(vals), None) if vals.get("product_id") else None
            if row:
                row.write({name: vals[name] for name in ("product_id", "active") if name in vals})
            else:
                fresh.append(self._stamped(vals))
            result.append(row)
        made = iter(super().create(fresh))
        listings = self.browse(row.id if row else next(made).id for row in result)
        listings._retry_orders()
        return listings

    def write(self, vals):
        if "product_id" in vals:
            for product, listings in self.grouped("product_id").items():
                if product.id != (vals["product_id"] or False):
                    stamp = {"previous_product_id": product.id}
                    super(SpapiListing, listings).write({**self._stamped(vals), **stamp})
        result = super().write(vals)
        if vals.keys() & {"product_id", "sku", "marketplace_id", "active"}:
            self._retry_orders()
        return result

    @api.model
    def _stamped(self, vals: dict) -> dict:
        """`vals` with who assigned the product, and when."""
        if not vals.get("product_id"):
            return vals
        return {**vals, "assigned_by_id": self.env.uid, "assigned_on": fields.Datetime.now()}

    @api.model
    def _key(self, vals: dict) -> tuple:
        return vals["account_id"], vals.get("marketplace_id") or False, vals.get("sku")

    @api.model
    def _queued(self, vals_list: list[dict]) -> dict[tuple, models.Model]:
        """Rows without product for the same keys."""
        keys = {self._key(vals) for vals in vals_list}
        if not keys:
            return {}
        rows = self.with_context(active_test=False).search(
            [
                ("sku", "in", [key[2] for key in keys]),
                ("account_id", "in", [key[0] for key in keys]),
                ("product_id", "=", False),
            ]
        )
        return {(row.account_id.id, row.marketplace_id.id, row.sku): row for row in rows}

    def _retry_orders(self) -> None:
        """Orders that waited for these SKUs go back in the queue."""
        ready = self.filtered("product_id")
        if ready:
            self.env["spapi.order"]._retry_for_skus(ready.account_id.ids, ready.mapped("sku"))

    @api.model
    def _ensure_for(self, lines):
        """Rows for the SKUs of order lines, made where there are none, to be filled in by a person.

        A row that has its product by now is among them: somebody else was faster, and the order follows.
        """
        lines = lines.filtered("sku")
        domain = [("account_id", "in", lines.order_id.account_id.ids), ("sku", "in", lines.mapped("sku"))]
        known = {(row.account_id.id, row.marketplace_id.id, row.sku): row.id for row in self.search(domain)}
        found, missing = set(), {}
        for line in lines:
            account_id, marketplace_id = line.order_id.account_id.id, line.order_id.marketplace_id.id
            keys = {(account_id, False, line.sku), (account_id, marketplace_id, line.sku)} & known.keys()
            if keys:
                found.update(known[key] for key in keys)
                continue
            missing[account_id, line.sku] = {
                "account_id": account_id,
                "sku": line.sku,
                "asin": line.asin,
                "title": line.title,
            }
        return self.browse(sorted(found)) | self._make_rows(list(missing.values()))

    @api.model
    def _make_rows(self, vals_list: list[dict]):
        """Rows without product. One that a person put away (archived) comes back: an order needs it."""
        archived = self.with_context(active_test=False).search(
            [
                ("active", "=", False),
                ("sku", "in", [vals["sku"] for vals in vals_list]),
                ("account_id", "in", [vals["account_id"] for vals in vals_list]),
                ("marketplace_id", "=", False),
            ]
        )
        by_key = {(row.account_id.id, row.sku): row for row in archived}
        known = self.browse()
        fresh = []
        for vals in vals_list:
            row = by_key.get((vals["account_id"], vals["sku"]))
            if row:
                known += row
            else:
                fresh.append(vals)
        known.write({"active": True, "product_id": False})
        return known + self.create(fresh)

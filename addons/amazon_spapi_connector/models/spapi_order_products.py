from __future__ import annotations

from collections import defaultdict

from odoo import models


class SpapiOrder(models.Model):
    """Which product each line is, and what happens to a SKU that has none: the account's rule decides."""

    _inherit = "spapi.order"

    def _find_products(self) -> dict[tuple[int, str], models.Model]:
        """``{(marketplace id, SKU): product}`` of the lines; a SKU without exactly one product is absent.

        A listing for the marketplace decides, then one for all, then the product whose internal reference is the SKU.
        A SKU is compared as it is: for Amazon ``ab`` and ``AB`` are two.
        """
        account, lines = self.account_id, self.line_ids
        account.ensure_one()
        skus = list({line.sku for line in lines if line.sku})
        listings = (
            self.env["spapi.listing"]
            .sudo()
            .search([("account_id", "=", account.id), ("sku", "in", skus), ("product_id", "!=", False)])
        )
        by_listing = {(listing.marketplace_id.id, listing.sku): listing.product_id for listing in listings}
        listed = {listing.sku for listing in listings if not listing.marketplace_id}
        candidates = self._products_by_code(account, [sku for sku in skus if sku not in listed])
        result = {}
        for marketplace_id, sku in {(order.marketplace_id.id, line.sku) for order in self for line in order.line_ids}:
            own = candidates[sku]
            product = (
                by_listing.get((marketplace_id, sku))
                or by_listing.get((False, sku))
                or (own if len(own) == 1 else None)
            )
            if product:
                result[marketplace_id, sku] = product
        return result

    def _products_by_code(self, account, skus: list[str]) -> dict[str, models.Model]:
        """``{SKU: products}`` whose internal reference it is, in the account's company."""
        # sudo: whether a product exists does not depend on the rights of the person who presses "Retry"
        Product = self.env["product.product"].sudo()
        candidates = defaultdict(Product.browse)
        domain = [
            ("default_code", "in", skus),
            ("company_id", "in", (False, account.company_id.id)),
            ("type", "!=", "combo"),
        ]
        for product in Product.search(domain):
            candidates[product.default_code] += product
        return candidates

    def _with_products(self):
        """Give the lines their products. Orders with a SKU that has none wait, and are left out of what is returned."""
        if not self:
            return self
        found = self._find_products()
        missing = self.line_ids.filtered(
            lambda line: line.quantity and (line.order_id.marketplace_id.id, line.sku) not in found
        )
        if missing:
            found |= self._apply_sku_rule(missing)
        ready = self.browse()
        for order in self:
            lacking = []
            for line in order.line_ids:
                product = found.get((order.marketplace_id.id, line.sku))
                if product and line.product_id != product:
                    line.product_id = product
                elif not product and line.quantity:
                    lacking.append(line.sku or line.asin or line.item_id)
            if lacking:
                order._wait_for(sorted(set(lacking)))
            else:
                ready += order
        return ready

    def _apply_sku_rule(self, lines) -> dict[tuple[int, str], models.Model]:
        """What the account's rule makes of order lines without product: ``{(marketplace id, SKU): product}``."""
        account = self.account_id.sudo()
        if account.unmapped_sku_rule == "default" and account.default_product_id:
            # The row is for the person who will say what the SKU really is; the order does not wait for it.
            self.env["spapi.listing"].sudo()._ensure_for(lines)
            return {(line.order_id.marketplace_id.id, line.sku): account.default_product_id for line in lines}
        if account.unmapped_sku_rule != "create":
            return {}
        # Two products of one reference are a person's to tell apart; a third would not help.
        ambiguous = self._products_by_code(account, lines.mapped("sku"))
        fresh = lines.filtered(lambda line: line.sku and line.sku not in ambiguous)
        self.env["spapi.listing"].sudo()._ensure_for(fresh)._create_products()
        return self._find_products()

    def _wait_for(self, skus: list[str]) -> None:
        text = self.env._(
            "No product for: %s. Assign one (or give a product this internal reference); the order is then imported by"
            " itself.",
            ", ".join(skus),
        )
        self.write(
            {"state": "waiting", "problem_code": "sku_unmapped", "problem": text, "missing_skus": ", ".join(skus)}
        )

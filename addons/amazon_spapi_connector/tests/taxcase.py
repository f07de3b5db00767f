"""Orders with any money: made for a test, imported in one batch, compared line by line."""

from copy import deepcopy
from decimal import Decimal

from ..models import spapi_account_search as searching
from .common import IT, SpapiCase

FULL = searching.SEARCHES["unshipped"]["parts"]


class TaxCase(SpapiCase):
    """An Italian company with books in euro, and orders of one product, ``TAXED``."""

    def setUp(self):
        super().setUp()
        self.number = 0
        self.template = self.one_raw_order()
        self.account.marketplace_ids = self.env["spapi.marketplace"].search([])
        self.goods = self.env["product.product"].create({"name": "Goods", "default_code": "TAXED", "is_storable": True})
        self.company.account_fiscal_country_id = self.env.ref("base.it")
        self.company.tax_calculation_rounding_method = "round_per_line"

    def raw(self, *items, currency="EUR", marketplace=IT, country="IT", order_parts=None, **address):
        """An order of `items`, each a dict: Amazon's parts by type, ``tax`` (an amount, or details by subtype),
        ``total``, ``quantity``, ``item_tax`` (Amazon's block)."""
        self.number += 1
        raw = deepcopy(self.template)
        raw |= {"orderId": f"402-0000000-{self.number:07d}", "programs": []}
        raw["salesChannel"] = {"channelName": "AMAZON", "marketplaceId": marketplace}
        raw.pop("tax", None)
        person = raw["recipient"]["deliveryAddress"]
        for key in ("stateOrRegion", "districtOrCounty", "companyName"):
            person.pop(key, None)
        person |= {"countryCode": country, "postalCode": "00100", "city": "Roma", **address}

        def money(amount):
            return {"amount": str(amount), "currencyCode": currency}

        raw["orderItems"], grand = [], Decimal(0)
        for index, item in enumerate(items):
            parts = [{"type": kind, "subtotal": money(amount)} for kind, amount in item.items() if kind.isupper()]
            total = sum((Decimal(str(amount)) for kind, amount in item.items() if kind.isupper()), Decimal(0))
            for part in parts:
                if part["type"] == "DISCOUNT" and "discounts" in item:
                    part["detailedBreakdowns"] = [
                        {"subtype": kind, "value": money(amount)} for kind, amount in item["discounts"].items()
                    ]
            if (tax := item.get("tax")) is not None:
                details = tax if isinstance(tax, dict) else {}
                amount = sum(map(Decimal, details.values())) if details else Decimal(tax)
                total += amount
                parts.append(
                    {
                        "type": "TAX",
                        "subtotal": money(amount),
                        "detailedBreakdowns": [
                            {"subtype": kind, "value": money(value)} for kind, value in details.items()
                        ],
                    }
                )
            total = Decimal(item.get("total", total))
            grand += total
            row = {
                "orderItemId": f"7{index:012d}",
                "quantityOrdered": item.get("quantity", 1),
                "product": {"asin": "B000000001", "title": "Goods", "sellerSku": "TAXED"},
                "proceeds": {"proceedsTotal": money(total), "breakdowns": parts},
                "fulfillment": {"quantityFulfilled": 0, "quantityUnfulfilled": item.get("quantity", 1)},
            }
            if "item_tax" in item:
                row["tax"] = item["item_tax"]
            raw["orderItems"].append(row)
        rows = [{"type": kind, "subtotal": money(amount)} for kind, amount in (order_parts or {}).items()]
        for row in rows:
            if row["type"] == "DELIVERY_TIP":
                row["status"] = "FINALIZED"
                grand += Decimal(row["subtotal"]["amount"])
        raw["proceeds"] = {"grandTotal": money(grand), "breakdowns": rows}
        return raw

    def imported(self, *raws):
        """The orders of `raws` after an import; all in one batch."""
        stored = self.env["spapi.order"].sudo()._store_orders(self.account, list(raws), FULL)
        stored.filtered(lambda order: order.state == "new")._as_service()._map_orders()
        by_id = {order.amazon_order_id: order for order in stored}
        return [by_id[raw["orderId"]] for raw in raws]

    def assertLines(self, order, expected):
        self.assertEqual(order.state, "imported", order.problem)
        sale = order.sale_order_id
        found = [
            (line.product_id.name, line.product_uom_qty, line.price_total)
            for line in sale.order_line.sorted("sequence")
        ]
        self.assertEqual(found, expected)
        self.assertEqual(sale.currency_id.compare_amounts(sale.amount_total, order.amount_total), 0)

    def scheme(self, name):
        return {"taxCalculationBreakdowns": [{"reportingScheme": name}]}

    def collected(self):
        return {"taxCollections": [{"model": "MARKETPLACE_FACILITATOR", "responsibleParty": "Amazon"}]}

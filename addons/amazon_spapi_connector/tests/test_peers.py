"""The largest single pain of each other connector, and of their users, must be impossible here.

Each test goes the whole way: an order at Amazon, the search over HTTP, what Odoo holds afterwards.
"""

import json
from datetime import timedelta

from odoo import fields
from odoo.tests import tagged

from .common import DE, ES, FR, IT, REFRESH_TOKEN, SpapiCase


class PeersCase(SpapiCase):
    def mine(self):
        return self.env["spapi.order"].search([("account_id", "=", self.account.id)])

    def amazon(self, number: str) -> dict:
        return self.sandbox.orders()[number]

    def later(self) -> None:
        """Long enough for Amazon's index."""
        self.sandbox.advance(3600)


@tagged("post_install", "-at_install")
class TestPeers(PeersCase):
    def test_ledoent_pending_order_is_not_imported_at_price_zero(self):
        """ledoent: pending orders come without prices, become sale orders of 0.00 and are never priced again."""
        number = self.sandbox.generate(1, case="fbm_unshipped", marketplaces=[IT], seed=21)[0]
        raw = self.amazon(number)
        waiting = json.loads(json.dumps(raw))
        waiting["fulfillment"]["fulfillmentStatus"] = "PENDING"
        waiting.pop("proceeds")
        for item in waiting["orderItems"]:
            item.pop("proceeds")
        self.sandbox.put(waiting)
        self.make_products()
        self.run_import()
        order = self.order(number)
        self.assertEqual((order.state, order.sale_order_id.id), ("pending", False))
        self.later()
        self.sandbox.put(raw)
        self.sandbox.patch(number, {"orderItems": raw["orderItems"]})
        self.later()
        self.run_import()
        total = float(raw["proceeds"]["grandTotal"]["amount"])
        self.assertEqual(order.state, "imported", order.problem)
        self.assertGreater(total, 0)
        self.assertEqual(order.sale_order_id.amount_total, total)

    def test_hibou_orders_beyond_the_first_page_are_not_lost(self):
        """hibou: the import reads the first page of a search and never the next one, with four calls an order."""
        numbers = self.sandbox.generate(130)
        self.make_products()
        self.sandbox.control("DELETE", "journal")
        self.run_import()
        self.assertEqual(set(self.mine().mapped("amazon_order_id")), set(numbers))
        self.assertEqual(set(self.mine().mapped("state")), {"imported"})
        calls = sum(count for name, count in self.sandbox.counts().items() if name != "token")
        self.assertLessEqual(calls, 4)

    def test_akretion_what_was_read_before_a_failure_is_kept(self):
        """akretion (16.0): all items are fetched before anything is stored; one failing call loses the whole run."""
        numbers = self.sandbox.generate(230)
        self.sandbox.fault("error_500", after=2)
        self.run_import()
        self.assertEqual(len(self.mine()), 200)
        self.assertTrue(self.account.last_error)
        self.run_import()
        self.assertEqual(set(self.mine().mapped("amazon_order_id")), set(numbers))

    def test_akretion_mws_order_without_the_person_is_shown_and_comes_with_the_role(self):
        """akretion (8.0): nothing works without the report that holds personal data. Here the order says what lacks."""
        numbers = self.sandbox.generate(2, marketplaces=[IT, ES])
        self.make_products()
        roles = self.sandbox.control("GET", "apps/amzn1.application-oa2-client.sandbox")["roles"]
        kept = [role for role in roles if "consumer" not in role and "shipping" not in role]
        self.sandbox.control("PUT", "apps/amzn1.application-oa2-client.sandbox", {"roles": kept})
        self.run_import()
        for number in numbers:
            order = self.order(number)
            self.assertEqual((order.state, order.problem_code), ("exception", "no_address"))
            self.assertEqual(order.remedy, "account")
        self.sandbox.control("PUT", "apps/amzn1.application-oa2-client.sandbox", {"roles": roles})
        self.press("action_read_again")
        self.run_import()
        self.assertEqual({self.order(number).state for number in numbers}, {"imported"})

    def test_tristanmozos_repeated_reads_double_nothing(self):
        """TristanMozos: jobs are told apart by searching their text; orders come twice."""
        self.sandbox.generate(20, case="mixed")
        self.make_products()
        self.run_import()
        before = self.snapshot()
        sales = self.env["sale.order"].search_count([("spapi_order_id.account_id", "=", self.account.id)])
        for _turn in range(3):
            self.press("action_read_again")
            self.run_import()
        self.assertEqual(self.snapshot(), before)
        after = self.env["sale.order"].search_count([("spapi_order_id.account_id", "=", self.account.id)])
        self.assertEqual(after, sales)

    def test_chuckbeyor_one_bad_order_stops_no_other(self):
        """chuckbeyor101: one error aborts the run of the account, and leaves a half-built order."""
        numbers = self.sandbox.generate(6)
        self.make_products()
        bad = self.amazon(numbers[0])
        bad["orderItems"][0]["quantityOrdered"] = -3
        self.sandbox.patch(numbers[0], {"orderItems": bad["orderItems"]})
        worse = self.amazon(numbers[1])
        worse["proceeds"]["grandTotal"]["amount"] = "much"
        self.sandbox.patch(numbers[1], {"proceeds": worse["proceeds"]})
        self.later()
        self.run_import()
        self.assertEqual([self.order(number).state for number in numbers], ["exception"] * 2 + ["imported"] * 4)
        self.assertFalse((self.order(numbers[0]) + self.order(numbers[1])).sale_order_id)

    def test_chuckbeyor_a_discount_is_an_amount_and_taxes_do_not_multiply(self):
        """chuckbeyor101: discount amounts land in the percent field; each rounded rate makes another tax."""
        numbers = self.sandbox.generate(40, marketplaces=[IT], seed=9)
        for number in numbers[:10]:
            # the price is five higher and five are taken off: nothing else changes
            items = self.amazon(number)["orderItems"]
            parts = items[0]["proceeds"]["breakdowns"]
            goods = next(part["subtotal"] for part in parts if part["type"] == "ITEM")
            goods["amount"] = f"{float(goods['amount']) + 5:.2f}"
            parts.append({"type": "DISCOUNT", "subtotal": {**goods, "amount": "-5.00"}})
            for part in parts:
                # how the tax is spread is not said then
                part.pop("detailedBreakdowns", None)
            self.sandbox.patch(number, {"orderItems": items})
        self.later()
        self.make_products()
        self.run_import()
        sales = self.mine().sale_order_id
        self.assertEqual(set(sales.order_line.mapped("discount")), {0.0})
        for number in numbers:
            order = self.order(number)
            total = float(self.amazon(number)["proceeds"]["grandTotal"]["amount"])
            self.assertEqual(order.sale_order_id.amount_total, total, order.problem)
        reduced = sales.order_line.filtered(lambda line: line.price_subtotal < 0)
        self.assertEqual(len(reduced.order_id), 10)
        self.assertEqual(set(reduced.mapped("product_uom_qty")), {1})
        # one tax for each destination and rate that stands in a law
        for country, orders in self.mine().grouped("country_id").items():
            self.assertLessEqual(len(orders.sale_order_id.order_line.tax_ids), 4, country.code)

    def test_frappe_a_429_loses_nothing_and_turns_nothing_off(self):
        """frappe: the status of an answer is not looked at; a 429 raises, and after five the sync turns itself off."""
        numbers = self.sandbox.generate(5)
        self.make_products()
        for kind in ("throttle_body", "throttle_empty"):
            self.sandbox.fault(kind)
            self.run_import()
            self.assertFalse(self.mine())
            self.assertEqual(self.account.state, "connected")
            self.assertTrue(self.account.active)
            self.assertGreater(self.account.retry_at, fields.Datetime.now())
        with self.committing() as env:
            env["spapi.quota"].search([("account_id", "=", self.account.id)]).unlink()
        self.run_import()
        self.assertEqual({self.order(number).state for number in numbers}, {"imported"})

    def test_odoo_enterprise_a_cent_is_no_write_off(self):
        """Odoo Enterprise: taxes are the product's own, and differences of cents are "resolved with a write-off"."""
        self.sandbox.generate(30, marketplaces=[IT, ES, FR, DE], seed=3)
        self.make_products()
        # the products' own tax is another one than Amazon's
        foreign = self.env["account.tax"].create({"name": "Own 13 %", "amount": 13.0, "type_tax_use": "sale"})
        self.env["product.product"].search([("default_code", "!=", False)]).taxes_id = foreign
        self.run_import()
        for order in self.mine():
            total = float(self.amazon(order.amazon_order_id)["proceeds"]["grandTotal"]["amount"])
            self.assertEqual(order.state, "imported", order.problem)
            self.assertEqual(order.sale_order_id.amount_total, total)
            self.assertNotIn(foreign, order.sale_order_id.order_line.tax_ids)

    def test_odoo_enterprise_serial_numbers_do_not_block_fba(self):
        """Odoo Enterprise: FBA products tracked by lot or serial number block the creation of orders."""
        numbers, order = self.shipped_by_amazon(tracking="serial")
        self.assertEqual({self.order(number).state for number in numbers}, {"imported"}, order.problem)
        self.assertEqual(set(self.mine().sale_order_id.picking_ids.mapped("state")), {"done"})

    def test_linnworks_fba_leaves_the_sellers_stock_alone(self):
        """Linnworks: FBA and FBM stock of one product collide, and oversell quietly."""
        shelf = self.account.warehouse_id.lot_stock_id
        _numbers, order = self.shipped_by_amazon()
        product = order.line_ids.product_id[:1]
        self.env["stock.quant"]._update_available_quantity(product, shelf, 7)
        self.assertEqual(product.with_context(location=shelf.id).qty_available, 7)
        self.assertFalse(order.sale_order_id.picking_ids.filtered(lambda picking: picking.location_id == shelf))
        self.assertEqual(order.sale_order_id.picking_ids.mapped("state"), ["done"])

    def shipped_by_amazon(self, tracking="none"):
        """FBA orders that Amazon has shipped, imported: their numbers, and the first of them."""
        numbers = self.sandbox.generate(12, case="fba", marketplaces=[IT], seed=61)
        for number in numbers:
            if self.amazon(number)["fulfillment"]["fulfillmentStatus"] == "UNSHIPPED":
                self.sandbox.control("POST", f"orders/{number}/transition", {"status": "SHIPPED"})
        numbers = [number for number in numbers if self.amazon(number)["fulfillment"]["fulfillmentStatus"] == "SHIPPED"]
        self.assertTrue(numbers)
        self.later()
        self.make_products()
        skus = {item["product"]["sellerSku"] for number in numbers for item in self.amazon(number)["orderItems"]}
        self.env["product.product"].search([("default_code", "in", list(skus))]).tracking = tracking
        self.run_import()
        return numbers, self.order(numbers[0])

    def test_emipro_orders_come_without_a_click(self):
        """Emipro: people press "check status" on report after report. Here the scheduled action is all there is."""
        self.sandbox.generate(3)
        self.make_products()
        cron = self.env.ref("amazon_spapi_connector.ir_cron_import_orders")
        self.assertTrue(cron.active)
        self.assertEqual((cron.interval_number, cron.interval_type), (5, "minutes"))
        self.run_import()
        self.assertEqual(set(self.mine().mapped("state")), {"imported"})
        self.assertEqual(set(self.mine().sale_order_id.mapped("state")), {"sale"})
        self.assertTrue(all(order.sale_order_id.picking_ids for order in self.mine()))

    def test_linnworks_throttling_is_not_access_denied(self):
        """Linnworks: users cannot tell throttling from a refusal; one passes by itself, the other needs a person."""
        self.sandbox.generate(1)
        self.sandbox.fault("throttle_body")
        self.run_import()
        throttled = self.account.last_error
        self.assertEqual(self.account.state, "connected")
        self.assertFalse(self.account.activity_ids)
        with self.committing() as env:
            env["spapi.quota"].search([("account_id", "=", self.account.id)]).unlink()
        self.sandbox.control("PUT", "apps/amzn1.application-oa2-client.sandbox", {"roles": []})
        self.run_import()
        self.assertEqual(self.account.state, "error")
        self.assertTrue(self.account.activity_ids)
        self.assertNotEqual(self.account.last_error, throttled)
        self.assertIn("role", self.account.last_error)


@tagged("post_install", "-at_install")
class TestUsersPains(PeersCase):
    """Those of the 25 most frequent pains of users of all connectors that are about orders."""

    def test_pain_1_no_call_for_each_order(self):
        """429 while items, buyer and address are fetched order by order."""
        self.sandbox.generate(90)
        self.sandbox.control("DELETE", "journal")
        self.run_import()
        calls = self.sandbox.counts()
        self.assertEqual(len(self.mine()), 90)
        self.assertFalse(set(calls) - {"searchOrders", "token"}, calls)
        self.assertEqual(calls["searchOrders"], 2)

    def test_pain_2_half_an_address_is_none(self):
        """Name and street are empty although the call succeeded: the role was granted after the seller's consent."""
        number = self.sandbox.generate(1, marketplaces=[IT], seed=12)[0]
        self.make_products()
        whole = self.amazon(number)
        address = whole["recipient"]["deliveryAddress"]
        kept = {key: address[key] for key in ("city", "stateOrRegion", "countryCode") if key in address}
        self.assertIn("city", kept)
        self.sandbox.put({**whole, "recipient": {"deliveryAddress": kept}})
        self.run_import()
        order = self.order(number)
        self.assertEqual((order.state, order.problem_code, order.sale_order_id.id), ("exception", "no_address", False))
        self.assertIn("Direct-to-Consumer Shipping", order.problem)
        self.assertIn("authorise the account again", order.problem)
        # a new consent, and what it was for comes by itself
        self.account.refresh_token = REFRESH_TOKEN
        self.account.state = "connected"
        self.sandbox.put(whole)
        self.press("action_read_again")
        self.run_import()
        self.assertEqual(order.state, "imported", order.problem)
        self.assertEqual(order.sale_order_id.picking_ids.picking_type_code, "outgoing")

    def test_pain_3_what_a_search_missed_comes_with_the_next_one(self):
        """Missing orders although the call succeeded: pages that move while they are read."""
        numbers = self.sandbox.generate(220)
        self.sandbox.fault("moving_order", times=2, count=3, direction="away")
        self.run_import()
        self.later()
        self.run_import()
        self.assertEqual(set(self.mine().mapped("amazon_order_id")), set(numbers))

    def test_pain_5_stock_of_one_product_in_two_channels(self):
        """FBA and FBM of one product collide: one is oversold, or the other set to zero."""
        ours, theirs = self.two_channels()
        shelf = self.account.warehouse_id.lot_stock_id
        Quant = self.env["stock.quant"]
        skus = {item["product"]["sellerSku"] for raw in (ours, theirs) for item in raw["orderItems"]}
        product = self.env["product.product"].create({"name": "Lamp", "is_storable": True})
        self.env["spapi.listing"].create(
            [{"account_id": self.account.id, "sku": sku, "product_id": product.id} for sku in skus]
        )
        # the shelf holds what the seller's order needs, not one more; Amazon's stock was never counted
        wanted = sum(item["quantityOrdered"] for item in ours["orderItems"])
        sent = sum(item["quantityOrdered"] for item in theirs["orderItems"])
        Quant._update_available_quantity(product, shelf, wanted)
        self.run_import()
        mine, amazons = self.order(ours["orderId"]), self.order(theirs["orderId"])
        self.assertEqual((mine.state, amazons.state), ("imported", "imported"), mine.problem or amazons.problem)
        self.assertEqual(mine.sale_order_id.picking_ids.state, "assigned", "Amazon's sale took it from the shelf")
        self.assertEqual(amazons.sale_order_id.picking_ids.state, "done")
        fba = amazons.sale_order_id.picking_ids.location_id
        self.assertNotEqual(fba, shelf)
        self.assertEqual(Quant._get_available_quantity(product, fba, allow_negative=True), -sent)
        self.assertEqual(product.with_context(warehouse_id=self.account.warehouse_id.id).qty_available, wanted)

    def two_channels(self):
        """An order that the seller ships and one that Amazon has shipped, at Amazon."""
        ours = self.sandbox.generate(1, marketplaces=[IT], seed=71)[0]
        for seed in range(72, 90):
            theirs = self.sandbox.generate(1, case="fba", marketplaces=[IT], seed=seed)[0]
            if self.amazon(theirs)["fulfillment"]["fulfillmentStatus"] == "SHIPPED":
                break
        self.later()
        return self.amazon(ours), self.amazon(theirs)

    def test_pain_9_silence_about_tax_is_not_zero(self):
        """Tax that Amazon does not state is 0 elsewhere, and totals differ. Here a person decides, once."""
        raw = self.one_raw_order()
        self.make_products()
        total = 0.0
        for item in raw["orderItems"]:
            parts = [part for part in item["proceeds"]["breakdowns"] if part["type"] != "TAX"]
            amount = sum(float(part["subtotal"]["amount"]) for part in parts)
            item["proceeds"].update(breakdowns=parts)
            item["proceeds"]["proceedsTotal"]["amount"] = f"{amount:.2f}"
            total += amount
        raw["proceeds"]["grandTotal"]["amount"] = f"{total:.2f}"
        self.sandbox.put(raw)
        self.run_import()
        order = self.order(raw["orderId"])
        self.assertEqual((order.state, order.problem_code, order.remedy), ("exception", "tax_missing", "account"))
        self.assertFalse(order.sale_order_id)

    def test_pain_13_an_update_reaches_the_order(self):
        """Orders that are never updated, until somebody turns back the date of the last synchronisation."""
        number = self.sandbox.generate(1, marketplaces=[IT])[0]
        self.make_products()
        self.run_import()
        raw = self.amazon(number)
        later = self.order(number).ship_by + timedelta(days=30)
        raw["fulfillment"]["shipByWindow"]["latestDateTime"] = f"{later:%Y-%m-%dT%H:%M:%SZ}"
        self.later()
        self.sandbox.patch(number, {"fulfillment": raw["fulfillment"]})
        self.later()
        self.run_import()
        self.assertEqual(self.order(number).ship_by, later)

    def test_pain_13_an_order_cancelled_at_amazon_is_not_shipped(self):
        """What Amazon cancelled and Odoo never heard of is shipped, and paid for by the seller."""
        raw = self.one_raw_order()
        self.make_products()
        self.run_import()
        order = self.order(raw["orderId"])
        self.assertEqual(order.state, "imported", order.problem)
        self.sandbox.control("POST", f"orders/{raw['orderId']}/transition", {"status": "CANCELLED"})
        self.later()
        self.run_import()
        self.assertEqual((order.status, order.state), ("CANCELLED", "cancelled"), order.problem)
        self.assertEqual(order.sale_order_id.state, "cancel")
        self.assertEqual(set(order.sale_order_id.picking_ids.mapped("state")), {"cancel"})

    def test_pain_18_the_delivery_comes_with_the_order(self):
        """Only sales orders come in; users want the delivery and the invoice too."""
        self.account.invoicing = "draft"
        number = self.sandbox.generate(1, marketplaces=[ES])[0]
        self.make_products()
        self.run_import()
        sale = self.order(number).sale_order_id
        self.assertEqual(sale.picking_ids.picking_type_code, "outgoing")
        for move in sale.picking_ids.move_ids:
            move.quantity = move.product_uom_qty
        sale.picking_ids.with_context(skip_backorder=True).button_validate()
        self.run_import()
        self.assertEqual(sale.invoice_ids.mapped("move_type"), ["out_invoice"])
        self.assertEqual(sale.invoice_ids.amount_total, sale.amount_total)

    def test_pain_20_a_company_is_invoiced_with_its_vat_number(self):
        """A company's VAT number does not arrive, and its invoice is a simplified one."""
        number = self.sandbox.generate(1, case="b2b", marketplaces=[DE], seed=5)[0]
        vat = "DE136695976"
        registration = {"entityType": "BUYER", "taxRegistrationType": "VAT", "taxRegistrationNumber": vat}
        self.sandbox.patch(number, {"tax": {"taxRegistrations": [registration]}})
        self.later()
        self.make_products()
        self.run_import()
        order = self.order(number)
        self.assertEqual((order.state, order.is_business, order.has_vat), ("imported", True, True), order.problem)
        self.assertEqual(order.vat_check, "valid")
        sale = order.sale_order_id
        self.assertFalse(sale.partner_id.vat, "it is sealed")
        sale.order_line.product_id.invoice_policy = "order"
        invoice = sale._create_invoices()
        invoice.action_post()
        # whoever is let in, such as the import that decides about taxes, sees what the invoice is printed with
        with self.committing() as env:
            buyers = order.with_env(env)._as_service().subject_id.sudo(False)
            with buyers.reveal("import_decision") as inside:
                shown = inside["account.move"].sudo().browse(invoice.id).commercial_partner_id.vat
        self.assertEqual(shown, vat)
        self.assertFalse(invoice.partner_id.vat)

    def test_pain_25_long_titles_and_a_bad_answer(self):
        """The sync crashes on one bad answer, and on a field that is too long."""
        number = self.sandbox.generate(1, marketplaces=[IT])[0]
        items = self.amazon(number)["orderItems"]
        items[0]["product"]["title"] = "Très long — " * 120
        self.sandbox.patch(number, {"orderItems": items})
        self.later()
        self.make_products()
        for kind in ("truncated_json", "not_json_200", "empty_200", "error_503_html"):
            self.sandbox.fault(kind)
            self.run_import()
            self.assertTrue(self.account.last_error, kind)
        self.run_import()
        self.assertEqual(self.order(number).state, "imported", self.order(number).problem)
        self.assertFalse(self.account.last_error)

import os
from copy import deepcopy
from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user, tagged

from ..models import spapi_account_search as searching
from ..spapi import vies
from .common import DE
from .viescase import Register, ViesCase

FULL = searching.SEARCHES["unshipped"]["parts"]


@tagged("post_install", "-at_install")
class TestVies(ViesCase):
    def setUp(self):
        super().setUp()
        template = self.one_raw_order()
        self.orders = {}
        for index, number in enumerate(("DE136695976", "DE129273398", "DE136695977")):
            raw = deepcopy(template)
            raw["orderId"] = f"402-7000000-000000{index}"
            raw["salesChannel"]["marketplaceId"] = DE
            raw["recipient"]["deliveryAddress"]["countryCode"] = "DE"
            raw["tax"] = self.registration(number)
            stored = self.env["spapi.order"].sudo()._store_orders(self.account, [raw], FULL)
            self.orders[number] = stored
        self.right, self.other, self.wrong = self.orders.values()

    def test_nobody_is_asked_by_default(self):
        self._run()
        self.assertEqual(Register.asked, [])
        self.assertEqual(self.right.vat_check, "valid")
        self.assertEqual(self.wrong.vat_check, "invalid")

    def test_numbers_that_can_be_right_are_asked_once(self):
        """Two of three numbers have right check digits; each is asked once, and only the answer is kept."""
        Register.answers = {"136695976": (200, {"valid": True, "name": "Somebody", "address": "Somewhere"})}
        self.account.vies_recipient_id = self._register()
        self._run()
        self._run()
        self.assertEqual(sorted(question["vatNumber"] for question in Register.asked), ["129273398", "136695976"])
        self.assertEqual({tuple(question) for question in Register.asked}, {("countryCode", "vatNumber")})
        self.assertEqual((self.right.vies_state, self.other.vies_state), ("valid", "invalid"))
        self.assertFalse(self.wrong.vies_state)
        self.assertNotIn("136695976", str(self.right.read()))
        with self.env.registry.cursor() as cr:
            cr.execute(
                "SELECT outcome, purpose FROM pii_disclosure WHERE subject_uuid = %s", [self.right.subject_id.uuid]
            )
            self.assertEqual(cr.fetchall(), [("sent", "import_decision")])

    def test_untaxed_sale_on_a_number_that_vies_does_not_know(self):
        """A sale that carries no tax because of such a number is an activity of the person in charge, once."""
        self.company.account_fiscal_country_id = self.env.ref("base.it")
        self.account.user_id = new_test_user(self.env, "in_charge", groups="sales_team.group_sale_manager")
        for order in self.right + self.other:
            raw = {**order.business_json}
            for item in raw["orderItems"]:
                item.pop("tax", None)
                parts = [part for part in item["proceeds"]["breakdowns"] if part["type"] != "TAX"]
                total = sum(float(part["subtotal"]["amount"]) for part in parts)
                parts.append({"type": "TAX", "subtotal": {"amount": "0.00", "currencyCode": "EUR"}})
                item["proceeds"] = {
                    "proceedsTotal": {"amount": f"{total:.2f}", "currencyCode": "EUR"},
                    "breakdowns": parts,
                }
            total = sum(float(item["proceeds"]["proceedsTotal"]["amount"]) for item in raw["orderItems"])
            raw["proceeds"] = {"grandTotal": {"amount": f"{total:.2f}", "currencyCode": "EUR"}}
            order.business_json, order.amount_total = raw, total
        self.make_products()
        (self.right + self.other)._as_service()._map_orders()
        self.assertEqual(set((self.right + self.other).mapped("fiscal_scheme")), {"reverse"}, self.right.problem)
        Register.answers = {"136695976": (200, {"valid": True})}
        self.account.vies_recipient_id = self._register()
        self._run()
        self._run()
        self.assertFalse(self.right.sale_order_id.activity_ids)
        activity = self.other.sale_order_id.activity_ids
        self.assertEqual(activity.user_id, self.account.user_id)
        self.assertIn("VIES", activity.summary)
        self.assertNotIn("129273398", f"{activity.summary} {activity.note}")

    def test_register_decides(self):
        """Without a scope for it nothing leaves, and the account says why."""
        recipient = self._register()
        self.account.vies_recipient_id = recipient
        recipient.with_user(self.officer).action_suspend()
        self._run()
        self.assertEqual(Register.asked, [])
        self.assertFalse(self.right.vies_state)
        self.assertIn("not an active recipient", self.account.vies_problem)

    def test_silence_is_harmless(self):
        """Errors, rubbish and nobody there: no answer, asked again later, never an error."""
        self.account.vies_recipient_id = self._register()
        for status, answer in ((500, {}), (200, b"<html>"), (200, {"valid": False, "userError": "MS_UNAVAILABLE"})):
            Register.answers = {"136695976": (status, answer), "129273398": (status, answer)}
            (self.right | self.other).write({"vies_state": False})
            self._run()
            self.assertEqual(self.right.vies_state, "unavailable", answer)
        with patch.dict(os.environ, {vies.VARIABLE: "http://127.0.0.1:9/"}):
            (self.right | self.other).write({"vies_state": False})
            self._run()
        self.assertEqual(self.right.vies_state, "unavailable")
        self.assertFalse(self.account.vies_problem)
        asked = len(Register.asked)
        self._run()
        self.assertEqual(len(Register.asked), asked)

    def test_manager_chooses_the_recipient(self):
        """Who connects accounts names the registered recipient; he changes nothing in the register."""
        recipient = self._register()
        manager = new_test_user(self.env, "vies_manager", groups="amazon_spapi_connector.group_manager")
        with Form(self.account.with_user(manager)) as form:
            form.vies_recipient_id = recipient
        self.assertEqual(self.account.vies_recipient_id, recipient)
        with self.assertRaises(AccessError):
            recipient.with_user(manager).agreement = "another"

    def test_address_is_encrypted(self):
        with patch.dict(os.environ, {vies.VARIABLE: "http://vies.example.com/"}), self.assertRaises(ValueError):
            vies.address()
        with patch.dict(os.environ, {vies.VARIABLE: ""}):
            self.assertEqual(vies.address(), vies.ADDRESS)

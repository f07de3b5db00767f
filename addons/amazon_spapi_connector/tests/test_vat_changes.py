from copy import deepcopy
from datetime import timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged

from ..models import spapi_account_search as importing
from .common import DE
from .viescase import Register, ViesCase

FULL = importing.SEARCHES["unshipped"]["parts"]
RIGHT, OTHER, WRONG = "DE136695976", "DE129273398", "DE136695977"


@tagged("post_install", "-at_install")
class TestVatChanges(ViesCase):
    """The buyer's VAT number changes after the order became a sale order."""

    def setUp(self):
        super().setUp()
        self.account.vies_recipient_id = self._register()
        Register.answers = {"136695976": (200, {"valid": True}), "129273398": (200, {"valid": True})}

    # === STEPS === #

    def business_order(self, number=RIGHT, tax="0.00", state="imported"):
        """An order from Germany that carries a number, and no tax of Amazon's."""
        raw = self.raw({"ITEM": "10.00", "tax": tax}, country="DE", marketplace=DE)
        if number:
            raw["tax"] = self.registration(number)
        (order,) = self.imported(raw)
        self.assertEqual(order.state, state, order.problem)
        return order, raw

    def tell(self, order, raw, number=None, minutes=5, **address):
        """Amazon sends the order again, a little later, and the import follows."""
        raw.pop("tax", None)
        if number:
            raw["tax"] = self.registration(number)
        raw["recipient"]["deliveryAddress"] |= address
        moment = order.last_updated + timedelta(minutes=minutes)
        raw["lastUpdatedTime"] = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        self.env["spapi.order"]._store_orders(self.account, [deepcopy(raw)], FULL)
        self.follow(order)

    def follow(self, order):
        order.filtered("follow_up")._as_service()._follow_news()
        self.env.flush_all()

    def notes(self, order):
        return " ".join(message.body for message in order.sale_order_id.message_ids if message.body)

    def tax_notes(self, order):
        return order.sale_order_id.order_line.tax_ids.mapped("invoice_legal_notes")

    def invoice(self, order):
        for line in order.sale_order_id.order_line:
            line.qty_delivered = line.product_uom_qty
        return order.sale_order_id._create_invoices()

    # === ASKED AGAIN === #

    def test_another_number_is_asked_again(self):
        order, raw = self.business_order()
        self._run()
        self.assertEqual((order.vies_state, order.vies_attempts), ("valid", 1))
        self.tell(order, raw, OTHER)
        self.assertEqual((order.vat_check, order.vies_state, order.vies_attempts), ("valid", False, 0))
        Register.answers = {}
        self._run()
        self.assertEqual([question["vatNumber"] for question in Register.asked], ["136695976", "129273398"])
        self.assertEqual(order.vies_state, "invalid")
        self.assertIn("not in VIES", order.sale_order_id.activity_ids.summary)
        # the next number is not in question, so nothing is left to do
        self.tell(order, raw, RIGHT)
        self.assertFalse(order.sale_order_id.activity_ids)
        said = f"{self.notes(order)} {order.read()}"
        self.assertFalse([number for number in (RIGHT, OTHER) if number[2:] in said])

    def test_the_same_number_is_not_asked_again(self):
        """Another address, another phone number, or nothing new: VIES hears of nobody twice."""
        order, raw = self.business_order()
        self._run()
        self.tell(order, raw, RIGHT, addressLine1="Uxbolstrasse 4711b")
        self.tell(order, raw, RIGHT, phone="+49 30 4711")
        self.tell(order, raw, RIGHT)
        self._run()
        self.assertEqual((order.vies_state, len(Register.asked)), ("valid", 1))
        self.assertNotIn("VAT number", self.notes(order))

    def test_a_number_alone_is_no_other_address(self):
        order, raw = self.business_order()
        order.sale_order_id.picking_ids.carrier_tracking_ref = "TRACK1"
        self.tell(order, raw, OTHER)
        self.assertEqual((order.state, order.problem_code), ("imported", False))
        self.assertNotIn("other data of the buyer", self.notes(order))
        self.assertIn("VAT number changed", self.notes(order))

    def test_nobody_is_asked_where_the_account_says_nothing(self):
        self.account.vies_recipient_id = False
        order, raw = self.business_order()
        self.tell(order, raw, OTHER)
        self._run()
        self.assertEqual((Register.asked, order.vat_check), ([], "valid"))

    # === TAXES === #

    def test_a_number_that_is_wrong_makes_the_tax_due(self):
        """The sale went without tax because of the number: with a wrong one it stops, and with a right one goes on."""
        order, raw = self.business_order()
        self.assertEqual(order.fiscal_scheme, "reverse")
        self.tell(order, raw, WRONG)
        self.assertEqual((order.vat_check, order.state, order.problem_code), ("invalid", "exception", "tax_zero"))
        self.assertIn("VAT number changed", order.problem)
        self.assertIn("tax_zero", str(order.read(["problem_code"])))
        order.action_retry()
        self.assertEqual(order.problem_code, "tax_zero")
        self.tell(order, raw, OTHER)
        self.assertEqual((order.state, order.fiscal_scheme, order.vat_changed), ("imported", "reverse", False))

    def test_taxes_are_decided_anew(self):
        """The number comes after the import: the sale to a consumer becomes one to a business, and the tax says so."""
        self.account.zero_tax = "real"
        order, raw = self.business_order(number=None)
        self.assertEqual((order.fiscal_scheme, any(self.tax_notes(order))), ("regular", False))
        picking = order.sale_order_id.picking_ids
        picking.move_ids.write({"quantity": 1, "picked": True})
        self.tell(order, raw, RIGHT)
        self.assertEqual((order.state, order.fiscal_scheme), ("imported", "reverse"), order.problem)
        self.assertTrue(any(self.tax_notes(order)))
        self.assertIn("decided anew", self.notes(order))
        self.assertEqual(order.sale_order_id.amount_total, order.amount_total)
        # and back: Amazon has no number of the buyer any more
        self.tell(order, raw, None)
        self.assertEqual((order.has_vat, order.vat_check, order.fiscal_scheme), (False, False, "regular"))
        self.assertFalse(any(self.tax_notes(order)))

    def test_fiscal_position_is_decided_anew(self):
        self.account.zero_tax = "real"
        position = self.env["account.fiscal.position"].create(
            {
                "name": "Businesses abroad",
                "auto_apply": True,
                "vat_required": True,
                "country_id": self.env.ref("base.de").id,
                "company_id": self.company.id,
                "sequence": -1,
            }
        )
        order, raw = self.business_order(number=None)
        self.assertNotEqual(order.sale_order_id.fiscal_position_id, position)
        self.tell(order, raw, RIGHT)
        self.assertEqual(order.sale_order_id.fiscal_position_id, position)

    def test_what_is_invoiced_stays(self):
        """A draft counts as well: the order says so, in its chatter and to the person in charge, once."""
        self.account.zero_tax = "real"
        self.account.user_id = new_test_user(self.env, "in_charge", groups="sales_team.group_sale_manager")
        order, raw = self.business_order(number=None)
        invoice = self.invoice(order)
        before = order.sale_order_id.order_line.tax_ids
        self.tell(order, raw, RIGHT)
        self.assertEqual((order.state, order.vat_check, order.fiscal_scheme), ("imported", "valid", "regular"))
        self.assertEqual((order.sale_order_id.order_line.tax_ids, invoice.invoice_line_ids.tax_ids), (before, before))
        activity = order.sale_order_id.activity_ids
        self.assertEqual((len(activity), activity.user_id), (1, self.account.user_id))
        self.assertIn("invoiced", activity.note)
        self.assertIn("invoiced", self.notes(order))
        self.tell(order, raw, RIGHT)
        self.assertEqual(self.notes(order).count("invoiced"), 1)

    def test_account_that_follows_nothing(self):
        self.account.write({"zero_tax": "real", "follow_changes": False})
        order, raw = self.business_order(number=None)
        self.tell(order, raw, RIGHT)
        self.assertEqual((order.state, order.fiscal_scheme), ("imported", "regular"))
        self.assertIn("does not follow changes", order.sale_order_id.activity_ids.note)

    def test_before_it_is_a_sale_order(self):
        order, raw = self.business_order(number=WRONG, state="exception")
        self.assertEqual(order.problem_code, "tax_zero")
        self.tell(order, raw, RIGHT)
        self.assertEqual((order.vat_check, order.vat_changed), ("valid", False))
        order._as_service()._map_orders()
        self.assertEqual((order.state, order.fiscal_scheme), ("imported", "reverse"), order.problem)

    # === CORRECTED BY A PERSON === #

    def test_corrected_by_a_person(self):
        """Checked and asked like Amazon's; Amazon's own number, sent again, does not come back."""
        order, raw = self.business_order(number=WRONG, state="exception")
        self.account.zero_tax = "real"
        order.action_retry()
        self.assertEqual((order.state, order.fiscal_scheme), ("imported", "regular"))
        partner = order.sale_order_id.partner_id
        partner.vat = RIGHT
        self.assertEqual((order.vat_check, order.follow_up), ("valid", True))
        self.follow(order)
        self.assertEqual(order.fiscal_scheme, "reverse")
        self._run()
        self.assertEqual([question["vatNumber"] for question in Register.asked], ["136695976"])
        self.tell(order, raw, OTHER)
        self.assertEqual((order.vies_state, order.fiscal_scheme), ("valid", "reverse"))
        partner.vat = RIGHT
        self.assertEqual((order.vies_state, order.follow_up), ("valid", False))
        self.assertEqual(len(Register.asked), 1)

    # === SILENCE === #

    def test_silence_is_asked_later(self):
        """One silent country does not use up the others' questions; the pauses grow, and a person hears of the end."""
        self.account.write({"vies_attempts": 3, "zero_tax": "real"})
        orders = [self.business_order()[0] for _n in range(4)]
        Register.answers = {"136695976": (500, {})}
        with freeze_time(fields.Datetime.now()) as clock:
            self._run()
            states = [(order.vies_state, order.vies_attempts) for order in orders]
            self.assertEqual(sorted(states, key=str), [("unavailable", 1)] * 3 + [(False, 0)])
            asked = []
            for _hour in range(8):
                clock.tick(timedelta(hours=1))
                before = len(Register.asked)
                self._run()
                asked.append(len(Register.asked) - before)
            self.assertEqual(asked, [3, 1, 3, 1, 0, 1, 0, 0])
        self.assertEqual([order.vies_attempts for order in orders], [3] * 4)
        self.assertEqual(len([order for order in orders if order.sale_order_id.activity_ids]), 4)
        self.assertIn("did not say", orders[0].sale_order_id.activity_ids.summary)

    def test_one_seal_that_does_not_open(self):
        """It stops nobody else's question, and is tried again later."""
        broken, _raw = self.business_order()
        other, _raw = self.business_order(number=OTHER)
        newest = max(broken, other, key=lambda order: (order.purchase_date, order.id))
        oldest = other if newest == broken else broken
        subject = newest.subject_id.sudo()
        subject.fiscal_token = subject.fiscal_token[:-8] + "AAAAAAAA"
        self._run()
        self.assertEqual((oldest.vies_state, newest.vies_state), ("valid", "unavailable"))
        self.assertGreater(newest.vies_next, fields.Datetime.now())
        self.assertFalse(self.account.vies_problem)
        with self.assertRaises(UserError):
            newest._as_service()._ask_one(None, self.account.vies_recipient_id)

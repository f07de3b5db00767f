import json
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from unittest.mock import patch

import psycopg2
from dateutil.relativedelta import relativedelta

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention.tests.common import PERSON
from odoo.addons.pii_retention.tests.test_disclosure import DisclosureCase

LABEL = b"%PDF-1.4 label for " + PERSON["name"].encode()


class CarrierService(BaseHTTPRequestHandler):
    """A carrier on the network: keeps what it gets, answers with a tracking number."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.received.append(body)
        answer = json.dumps({"tracking": "QX-4711", "price": 7.5}).encode()
        self.send_response(500 if self.server.broken else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        pass


class CarrierModule:
    """The methods of a carrier's module, as such modules are written; each is a method of ``delivery.carrier``."""

    def _qxtest_call(self, partner):
        address = {name: partner[name] for name in ("name", "street", "zip", "city", "phone")}
        self.log_xml(json.dumps(address), "qxtest")
        connection = HTTPConnection("127.0.0.1", int(self.tracking_url), timeout=10)
        connection.request("POST", "/shipments", json.dumps(address), {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        if response.status != 200:
            raise UserError(f"The carrier does not deliver to {partner.name}, {partner.street}.")
        return answer

    def qxtest_rate_shipment(self, order):
        answer = self._qxtest_call(order.partner_shipping_id)
        warning = f"Remote area: {order.partner_shipping_id.city}"
        return {"success": True, "price": answer["price"], "error_message": False, "warning_message": warning}

    def qxtest_send_shipping(self, pickings):
        result = []
        for picking in pickings:
            answer = self._qxtest_call(picking.partner_id)
            picking.message_post(
                body=f"Label for {picking.partner_id.name}", attachments=[("LabelShipping-qxtest-1.pdf", LABEL)]
            )
            result.append({"exact_price": answer["price"], "tracking_number": answer["tracking"]})
        return result

    def qxtest_get_return_label(self, pickings, tracking_number=None, origin_date=None):
        self._qxtest_call(pickings.partner_id)
        pickings.message_post(body="Return label", attachments=[("LabelReturn-qxtest-1.pdf", LABEL)])


@tagged("post_install", "-at_install")
class TestCarrier(DisclosureCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shipper = new_test_user(
            cls.env,
            "carrier_shipper",
            groups="stock.group_stock_manager,sales_team.group_sale_manager,pii_retention.group_fulfilment",
        )
        cls.approve_roles(cls.shipper)
        cls.person = cls.shipper
        cls.server = HTTPServer(("127.0.0.1", 0), CarrierService)
        cls.addClassCleanup(cls.server.server_close)
        thread = threading.Thread(target=cls.server.serve_forever, daemon=True)
        thread.start()
        cls.addClassCleanup(thread.join, 5)
        cls.addClassCleanup(cls.server.shutdown)
        Carrier = type(cls.env["delivery.carrier"])
        for name in ("_qxtest_call", "qxtest_rate_shipment", "qxtest_send_shipping", "qxtest_get_return_label"):
            cls.startClassPatcher(patch.object(Carrier, name, getattr(CarrierModule, name), create=True))
        cls.startClassPatcher(
            patch.object(
                Carrier, "_compute_can_generate_return", lambda self: self.update({"can_generate_return": True})
            )
        )
        product = cls.env["product.product"].create({"name": "QX shipping", "type": "service", "list_price": 5})
        cls.carrier = cls.env["delivery.carrier"].create(
            {
                "name": "QX Parcels",
                "product_id": product.id,
                "tracking_url": str(cls.server.server_port),
                "pii_recipient_id": cls.recipient.id,
                "debug_logging": True,
            }
        )
        cls.env.flush_all()
        # what a carrier's module adds to the selection
        cls.env.cr.execute("UPDATE delivery_carrier SET delivery_type = 'qxtest' WHERE id = %s", [cls.carrier.id])
        cls.env.invalidate_all()
        cls.widget = cls.env["product.product"].create(
            {"name": "Widget", "type": "consu", "is_storable": True, "list_price": 10, "weight": 1, "taxes_id": False}
        )
        cls.order, cls.picking = cls.ship_to(cls.partner)

    @classmethod
    def ship_to(cls, partner):
        # not by the shipper: a delivery of one's own making is no leave to see whom it goes to
        order = cls.env["sale.order"].create(
            {"partner_id": partner.id, "order_line": [Command.create({"product_id": cls.widget.id})]}
        )
        order.action_confirm()
        picking = order.picking_ids
        picking.carrier_id = cls.carrier
        picking.move_ids.quantity = 1
        picking.move_ids.picked = True
        cls.env.flush_all()
        return order, picking

    def setUp(self):
        super().setUp()
        self.server.received, self.server.broken = [], False
        self.before = len(self.ledger())

    def new_rows(self):
        return [row[:5] for row in self.ledger()[self.before :]]

    def assertNothingAtRest(self):
        self.env.flush_all()
        for table, column in (
            ("mail_message", "body"),
            ("stock_picking", "carrier_tracking_ref"),
            ("ir_attachment", "name"),
            ("ir_logging", "message"),
            ("mail_activity", "note"),
        ):
            self.env.cr.execute(f"SELECT {column} FROM {table} ORDER BY id DESC LIMIT 200")  # pylint: disable=sql-injection
            self.assertNoCanary(self.env.cr.fetchall(), table)
        with self.env.registry.cursor() as cr:
            cr.execute("SELECT message FROM ir_logging")
            self.assertNoCanary(cr.fetchall(), "ir_logging")

    def sealed_files(self, prefix):
        return (
            self.env["ir.attachment"]
            .sudo()
            .search(
                [("res_model", "=", "stock.picking"), ("res_id", "=", self.picking.id), ("name", "=like", f"{prefix}%")]
            )
        )

    # === WHAT THE CARRIER GETS === #

    def test_the_carrier_gets_the_address_and_the_ledger_its_row(self):
        self.picking.with_user(self.shipper).button_validate()
        self.assertEqual(self.picking.state, "done")
        self.assertEqual(
            self.server.received, [{name: PERSON[name] for name in ("name", "street", "zip", "city", "phone")}]
        )
        self.assertEqual(self.picking.carrier_tracking_ref, "QX-4711")
        self.assertEqual(self.new_rows(), [("sent", "Parcel Service", "label", "operational", self.picking.name)])
        self.assertEqual(self.logged()[-1], ("opened", "label", self.shipper.id))
        self.assertNothingAtRest()

    def test_the_label_is_stored_sealed_after_the_call(self):
        self.picking.with_user(self.shipper).button_validate()
        label = self.sealed_files("LabelShipping-qxtest")
        self.assertEqual(len(label), 1)
        self.assertEqual(label.pii_subject_id, self.subject)
        stored = label._file_read(label.store_fname) if label.store_fname else bytes(label.db_datas)
        self.assertNoCanary(stored.decode("latin-1"), "the label on disk")
        message = self.env["mail.message"].search([("attachment_ids", "in", label.ids)])
        self.assertEqual((message.model, message.res_id), ("stock.picking", self.picking.id))
        self.assertIn("[sealed]", message.body)

    def test_a_price_is_asked_for_inside_a_disclosure(self):
        result = self.carrier.with_user(self.shipper).rate_shipment(self.order.with_user(self.shipper))
        self.assertEqual(result["price"], 7.5)
        self.assertEqual(self.server.received[0]["street"], PERSON["street"])
        self.assertNoCanary(result, "what the wizard would store")
        self.assertEqual([row[0] for row in self.new_rows()], ["sent"])
        self.assertEqual(self.new_rows()[0][4], self.order.name)

    def test_a_return_label_too(self):
        self.carrier.with_user(self.shipper).get_return_label(self.picking.with_user(self.shipper))
        self.assertEqual(self.server.received[0]["city"], PERSON["city"])
        self.assertEqual([row[0] for row in self.new_rows()], ["sent"])
        self.assertEqual(self.sealed_files("LabelReturn-qxtest").pii_subject_id, self.subject)

    def test_debug_logging_stores_a_note(self):
        self.picking.with_user(self.shipper).button_validate()
        with self.env.registry.cursor() as cr:
            cr.execute("SELECT message FROM ir_logging WHERE path = 'qxtest' ORDER BY id DESC LIMIT 1")
            self.assertRegex(cr.fetchone()[0], r"^\[sealed: \d+ characters")

    # === WHO DOES NOT === #

    def assertNotSent(self, error, text):
        with self.assertRaisesRegex(error, text) as caught:
            self.picking.with_user(self.shipper).send_to_shipper()
        self.assertNoCanary(caught.exception, "the refusal")
        self.assertFalse(self.server.received)
        self.assertEqual(self.new_rows()[-1][0], "refused")

    def test_without_a_registered_recipient_nothing_leaves(self):
        self.carrier.pii_recipient_id = False
        self.assertNotSent(UserError, "register the recipient")

    def test_with_an_old_assessment_nothing_leaves(self):
        self.recipient.assessed_on -= relativedelta(months=12, days=1)
        self.assertNotSent(UserError, "older than 12 months")

    def test_a_suspended_carrier_gets_nothing(self):
        self.recipient.with_user(self.officer).action_suspend()
        self.assertNotSent(UserError, "not an active recipient")

    def test_without_the_role_nothing_leaves(self):
        packer = new_test_user(self.env, "carrier_packer", groups="stock.group_stock_user")
        with self.acting(packer), self.assertRaises(AccessError):
            self.picking.with_user(packer).send_to_shipper()
        self.assertFalse(self.server.received)

    def test_what_the_carrier_complains_about_names_nobody(self):
        self.server.broken = True
        with self.assertRaisesRegex(UserError, r"does not deliver to \[sealed\]"):
            self.picking.with_user(self.shipper).send_to_shipper()
        self.assertEqual([row[0] for row in self.new_rows()], ["sent", "failed"])
        self.assertFalse(self.sealed_files("LabelShipping-qxtest"))

    def test_a_carrier_that_writes_meanwhile_is_refused_by_postgresql(self):
        def writing(carrier, pickings):
            carrier._qxtest_call(pickings.partner_id)
            pickings.partner_id.ref = "shipment 1"
            return [{"exact_price": 1, "tracking_number": "X"}]

        with (
            patch.object(type(self.carrier), "qxtest_send_shipping", writing),
            mute_logger("odoo.sql_db"),
            self.assertRaises(psycopg2.errors.ReadOnlySqlTransaction),
        ):
            self.picking.with_user(self.shipper).send_to_shipper()
        self.assertEqual([row[0] for row in self.new_rows()], ["sent", "failed"])

    # === WHO IS LEFT ALONE === #

    def test_ordinary_customers_need_no_register(self):
        plain = self.env["res.partner"].create({"name": "Plain Ltd", "street": "Main 1", "country_id": self.germany.id})
        self.carrier.pii_recipient_id = False
        _order, picking = self.ship_to(plain)
        with self.acting(None):
            picking.with_user(self.shipper).send_to_shipper()
        self.assertEqual(self.server.received[0]["name"], "Plain Ltd")
        self.assertFalse(self.new_rows())

    def test_a_fixed_price_is_no_disclosure(self):
        fixed = self.env["delivery.carrier"].create(
            {"name": "Fixed", "product_id": self.carrier.product_id.id, "delivery_type": "fixed", "fixed_price": 4}
        )
        self.assertTrue(fixed.pii_is_local)
        self.assertFalse(self.carrier.pii_is_local)
        self.assertTrue(fixed.with_user(self.shipper).rate_shipment(self.order.with_user(self.shipper))["success"])
        self.picking.carrier_id = fixed
        self.picking.with_user(self.shipper).send_to_shipper()
        self.assertFalse(self.new_rows())

    def test_messages_outside_of_a_call_are_posted_at_once(self):
        self.assertTrue(self.picking.message_post(body="packed"))

import json
import logging
import time
from unittest.mock import patch

from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention import proof

from ..models import spapi_account_queue, spapi_notification
from ..sqs import Queue, QueueError
from .common import ACCESS_KEY, QueueCase
from .test_order_change import EXAMPLE


@tagged("post_install", "-at_install")
class TestQueue(QueueCase):
    def setUp(self):
        super().setUp()
        self.press("action_subscribe")

    def searches(self) -> int:
        return self.sandbox.counts().get("searchOrders", 0)

    def test_a_new_order_is_here_without_a_search(self):
        (name,) = self.sandbox.generate(1)
        self.make_products()
        before = self.searches()
        self.assertEqual(self.tell(name), 1)
        self.listen()
        self.assertEqual(self.order(name).state, "imported")
        self.assertEqual(self.searches(), before)
        self.assertEqual(self.waiting(), 0)
        self.assertEqual(self.rows().mapped("state"), ["done"])
        self.assertEqual(self.rows().order_id, self.order(name))

    def test_a_change_is_told_within_seconds(self):
        (name,) = self.sandbox.generate(1)
        self.make_products()
        self.place(automatic=True)
        self.sandbox.control("POST", f"orders/{name}/transition", {"status": "BUYER_CANCEL_REQUESTED"})
        begin = time.monotonic()
        while not self.waiting() and time.monotonic() < begin + 10:
            time.sleep(0.1)
        self.listen()
        self.assertEqual(self.rows().mapped("kind"), ["BuyerRequestedChange"])
        self.assertEqual(self.order(name).state, "imported")

    def test_a_change_is_followed(self):
        (name,) = self.sandbox.generate(1)
        self.make_products()
        self.run_import()
        self.sandbox.control("POST", f"orders/{name}/transition", {"status": "CANCELLED"})
        self.tell(name)
        self.listen()
        self.assertEqual(self.order(name).status, "CANCELLED")
        self.assertEqual(self.order(name).sale_order_id.state, "cancel")

    def test_doubled_and_late_messages_change_nothing(self):
        (name,) = self.sandbox.generate(1)
        self.make_products()
        self.tell(name, times=3)
        self.listen()
        self.assertEqual(len(self.rows()), 1, "a message that comes three times is taken in once")
        self.sandbox.control("POST", f"orders/{name}/transition", {"status": "SHIPPED"})
        self.tell(name)
        self.listen()
        before, calls = self.snapshot(), self.sandbox.counts()["getOrder"]
        late = json.loads(json.dumps(EXAMPLE))
        late["Payload"]["OrderChangeNotification"].update(
            SellerId=self.account.seller_id,
            AmazonOrderId=name,
            OrderChangeTrigger={"TimeOfOrderChange": "2020-01-01T00:00:00Z"},
        )
        self.send(late)
        self.listen()
        self.assertEqual(self.rows()[-1].state, "known")
        self.assertEqual(self.sandbox.counts()["getOrder"], calls, "Amazon was asked for what is known")
        self.assertEqual(self.snapshot(), before)

    def test_what_is_not_understood_is_kept_sealed_and_shown(self):
        needle = "Canary Person, Via Segreta 7"
        other = json.loads(json.dumps(EXAMPLE))
        other["Payload"]["OrderChangeNotification"]["SellerId"] = "A0OTHERSELLER"
        for body in (f"<{needle}>", {"NotificationType": "X", "name": needle}, other):
            self.send(body)
            self.send(body)
        self.listen()
        self.assertEqual(self.waiting(), 0, "written down, and only then deleted")
        dead = self.rows("dead")
        self.assertEqual(len(dead), 3)
        self.assertTrue(all(row.subject_id.quarantine_token and row.problem for row in dead))
        shown = json.dumps(dead.read(), default=str)
        self.assertNotIn(needle, shown)
        self.assertEqual(self.account.dead_notification_count, 3)
        self.env["spapi.notification"]._gc_followed()
        self.assertEqual(self.rows("dead"), dead, "nobody has seen it")
        dead.action_mark_seen()
        self.account.invalidate_recordset(["dead_notification_count"])
        self.assertEqual(self.account.dead_notification_count, 0)

    def test_no_log_quotes_a_message(self):
        self.send({"NotificationType": "X", "DestinationPostalCode": "needle-48110"})
        root = logging.getLogger()
        before = root.level
        self.addCleanup(root.setLevel, before)
        with self.assertLogs(level="DEBUG") as said:
            root.warning("a line, so that there is one")
            self.listen()
        self.assertEqual(len(self.rows("dead")), 1)
        self.assertFalse([line for line in said.output if "needle-48110" in line or ACCESS_KEY in line])

    def test_killed_between_writing_down_and_deleting(self):
        (name,) = self.sandbox.generate(1)
        self.make_products()
        self.tell(name)
        with patch.object(Queue, "delete", side_effect=QueueError("killed")):
            self.listen()
        self.assertEqual((self.waiting(), len(self.rows())), (1, 1))
        self.assertIn("killed", self.account.sqs_error)
        self.listen()
        self.assertEqual((self.waiting(), len(self.rows())), (0, 1))
        self.assertEqual(self.order(name).state, "imported")
        self.assertFalse(self.account.sqs_error)

    def test_many_changes_are_left_to_a_search(self):
        names = self.sandbox.generate(5)
        self.make_products()
        self.patch(spapi_account_queue, "FEW", 4)
        self.tell(*names)
        self.listen()
        self.assertEqual(set(self.rows().mapped("state")), {"search"})
        self.assertFalse(self.sandbox.counts().get("getOrder"))
        self.run_import()
        self.assertEqual({self.order(name).state for name in names}, {"imported"})

    def test_amazons_quota_and_errors(self):
        (name,) = self.sandbox.generate(1)
        self.make_products()
        self.sandbox.fault("throttle_body", operation="getOrder")
        self.tell(name)
        self.listen()
        row = self.rows()
        self.assertEqual((row.state, row.attempt_count, self.waiting()), ("new", 0, 0))
        self.env["spapi.quota"].search([]).unlink()
        self.sandbox.fault("error_500", operation="getOrder", times=spapi_notification.ATTEMPTS)
        for _attempt in range(spapi_notification.ATTEMPTS):
            self.listen()
        self.assertEqual(row.state, "search", "the searches find it")
        self.assertTrue(row.problem)
        row.action_follow()
        self.listen()
        self.assertEqual(self.order(name).state, "imported")

    def test_an_order_that_amazon_does_not_give(self):
        told = json.loads(json.dumps(EXAMPLE))
        told["Payload"]["OrderChangeNotification"]["SellerId"] = self.account.seller_id
        self.send(told)
        self.listen()
        row = self.rows()
        self.assertEqual((row.state, row.order_id.id), ("done", False))
        self.assertIn("no such order", row.problem)

    @mute_logger("odoo.addons.amazon_spapi_notification.models.spapi_account_queue")
    def test_a_queue_that_is_not_there(self):
        self.sqs.delete_queue(QueueUrl=self.queue_url)
        self.listen()
        self.assertTrue(self.account.sqs_error)
        self.assertNotIn("moto-secret-key", self.account.sqs_error)
        self.queue_url = self.sqs.create_queue(QueueName=self.queue_url.rsplit("/", 1)[-1])["QueueUrl"]
        self.listen()
        self.assertFalse(self.account.sqs_error)

    def test_while_the_vault_takes_nothing_in_no_message_is_lost(self):
        self.send("unreadable")
        with patch.object(proof, "intake_refusal", lambda env, company: "closed"):
            self.listen()
        self.assertEqual((self.waiting(), len(self.rows())), (1, 0))
        self.assertTrue(self.account.sqs_error)
        self.listen()
        self.assertEqual((self.waiting(), self.rows().mapped("state")), (0, ["dead"]))

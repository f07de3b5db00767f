import json
import logging
import time
from unittest.mock import patch

import psycopg2

from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.amazon_spapi_connector import recovering
from odoo.addons.base.models import ir_cron
from odoo.addons.pii_retention import proof

from ..models import spapi_account_queue, spapi_notification
from ..sqs import Queue, QueueError
from .common import ACCESS_KEY, REGION, SECRET_KEY, QueueCase
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

    def test_every_account_is_listened_to(self):
        """Odoo's ten seconds for a job are over with the first wait: the second account has its share all the same."""
        other = self._new_account(name="Other", seller_id="A5OTHER")
        name = f"{self.queue_url.rsplit('/', 1)[-1]}-2"
        url = self.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
        self.addCleanup(self.sqs.delete_queue, QueueUrl=url)
        other.write(
            {
                "sqs_queue_url": url,
                "sqs_endpoint_url": self.endpoint,
                "sqs_region": REGION,
                "sqs_access_key": ACCESS_KEY,
                "sqs_listen_seconds": 0,
            }
        )
        other.write({"sqs_secret_key": SECRET_KEY, "sqs_subscription_id": "other", "sqs_error": "yesterday's"})
        self.send("unreadable")
        self.sqs.send_message(QueueUrl=url, MessageBody="unreadable")
        status = self.run_job("amazon_spapi_notification.ir_cron_read_notifications")
        self.assertEqual(status, ir_cron.CompletionStatus.FULLY_DONE)
        rows = self.env["spapi.notification"].search([("state", "=", "dead")])
        self.assertEqual(rows.account_id, self.account + other)
        self.assertEqual(other.sqs_error, False)
        self.assertTrue(other.sqs_heard_at)

    def test_listening_does_not_write_on_the_account(self):
        """The import writes on that row: one of both would have to begin anew."""
        self.send("the first one makes the account's key")
        self.listen()
        self.send("unreadable")
        self.env.cr.execute("SELECT xmin, ctid FROM spapi_account WHERE id = %s", [self.account.id])
        before = self.env.cr.fetchone()
        self.listen()
        self.assertTrue(self.account.sqs_heard_at)
        self.env.cr.execute("SELECT xmin, ctid FROM spapi_account WHERE id = %s", [self.account.id])
        self.assertEqual(self.env.cr.fetchone(), before)

    @mute_logger("odoo.addons.amazon_spapi_connector.models.spapi_account_import")
    def test_an_order_that_breaks_something_is_undone_and_holds_up_nobody(self):
        """Whatever a program raises: nothing half done is kept, the others are read, and it ends with the searches."""
        first, second = self.sandbox.generate(2)
        self.make_products()
        real = recovering.read

        def read(account, number, **options):
            outcome, order = real(account, number, **options)
            if number == first:
                raise KeyError("Canary Person")
            return outcome, order

        with patch.object(recovering, "read", read):
            for _turn in range(spapi_notification.ATTEMPTS):
                self.tell(first)
                self.tell(second)
                self.listen()
        self.assertFalse(self.order(first), "half of it was kept")
        self.assertEqual(self.order(second).state, "imported")
        row = self.rows().filtered(lambda row: row.amazon_order_id == first)[0]
        self.assertEqual((row.state, row.attempt_count), ("search", spapi_notification.ATTEMPTS))
        self.assertNotIn("Canary", row.problem)
        self.assertFalse(self.account.sqs_error)

    def test_somebody_else_at_the_same_order(self):
        """It is read again in the next turn; that is no failure."""
        (name,) = self.sandbox.generate(1)
        self.make_products()
        self.tell(name)
        with patch.object(recovering, "read", side_effect=psycopg2.errors.SerializationFailure):
            self.listen()
        self.assertEqual((self.rows().state, self.rows().attempt_count), ("new", 0))
        self.listen()
        self.assertEqual(self.order(name).state, "imported")

    @mute_logger("odoo.addons.amazon_spapi_connector.models.spapi_account_import")
    def test_a_message_that_cannot_be_written_down_stays_and_keeps_no_other(self):
        (name,) = self.sandbox.generate(1)
        self.make_products()
        Account = type(self.account)
        real = Account._dead_values

        def seal(account, key, code, body):
            if body == "poison":
                raise ValueError(body)
            return real(account, key, code, body)

        self.send("poison")
        self.send("unreadable")
        self.tell(name)
        with patch.object(Account, "_dead_values", seal):
            self.listen()
        self.assertEqual(self.waiting(), 1, "never deleted unseen")
        self.assertEqual(len(self.rows("dead")), 1)
        self.assertTrue(self.account.sqs_error)
        self.assertNotIn("poison", self.account.sqs_error)
        self.listen()
        self.assertEqual((self.waiting(), len(self.rows("dead")), self.account.sqs_error), (0, 2, False))
        self.assertEqual(self.order(name).state, "imported")

    def test_a_queue_that_refuses_us(self):
        """The right to read was taken away: said by its code, without the key; the other work goes on."""
        with patch.object(Queue, "receive", side_effect=QueueError("AccessDenied")):
            self.listen()
        self.assertEqual(self.account.sqs_error, "AccessDenied")
        self.assertIn(self.account.state, ("connected", "error"))
        self.listen()
        self.assertFalse(self.account.sqs_error)

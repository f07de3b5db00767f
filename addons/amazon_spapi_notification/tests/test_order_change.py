import json
from pathlib import Path

from odoo.tests import BaseCase, tagged

from ..order_change import OrderChange, Unreadable, read

EXAMPLE = {
    "NotificationVersion": "1.0",
    "NotificationType": "ORDER_CHANGE",
    "PayloadVersion": "1.0",
    "EventTime": "2026-01-11T00:09:53.109Z",
    "Payload": {
        "OrderChangeNotification": {
            "NotificationLevel": "OrderLevel",
            "SellerId": "A3TH9S8BH6GOGM",
            "AmazonOrderId": "903-8868176-2219830",
            "OrderChangeType": "BuyerRequestedChange",
            "OrderChangeTrigger": {"TimeOfOrderChange": "2026-11-29T19:42:04.284Z", "ChangeReason": "Cancel"},
            "Summary": {"DestinationPostalCode": "48110"},
        }
    },
    "NotificationMetadata": {"NotificationId": "d0e9e693-c3ad-4373-979f-ed4ec98dd746"},
}


def without(*path):
    broken = json.loads(json.dumps(EXAMPLE))
    inner = broken
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return broken


@tagged("post_install", "-at_install")
class TestOrderChange(BaseCase):
    def code(self, body):
        with self.assertRaises(Unreadable) as caught:
            read(body if isinstance(body, str) else json.dumps(body))
        self.assertEqual(str(caught.exception), caught.exception.code, "the error quotes the message")
        return caught.exception.code

    def test_a_message(self):
        change = read(json.dumps(EXAMPLE))
        self.assertIsInstance(change, OrderChange)
        self.assertEqual(change.order_id, "903-8868176-2219830")
        self.assertEqual(change.notification_id, "d0e9e693-c3ad-4373-979f-ed4ec98dd746")
        self.assertEqual((change.seller_id, change.kind), ("A3TH9S8BH6GOGM", "BuyerRequestedChange"))
        self.assertEqual(change.changed.isoformat(), "2026-11-29T19:42:04.284000+00:00")
        self.assertNotIn("48110", repr(change))

    def test_by_way_of_eventbridge(self):
        self.assertEqual(read(json.dumps({"detail": EXAMPLE})), read(json.dumps(EXAMPLE)))

    def test_what_is_no_order_change(self):
        deep = "[" * 100_000
        for body in ("", "null", "[]", "{", "\x00", deep, json.dumps("x" * 300_000)):
            self.assertEqual(self.code(body), "not_json")
        self.assertEqual(self.code({**EXAMPLE, "NotificationType": "ANY_OFFER_CHANGED"}), "other_type")
        self.assertEqual(self.code(without("NotificationType")), "other_type")
        change = ("Payload", "OrderChangeNotification")
        for path in (("NotificationMetadata",), ("Payload",), (*change, "SellerId"), (*change, "AmazonOrderId")):
            self.assertEqual(self.code(without(*path)), "incomplete")
        hostile = json.loads(json.dumps(EXAMPLE))
        for value in ("903-8868176-2219830; DROP TABLE", 7, None, ["903-8868176-2219830"], "Max Mustermann"):
            hostile["Payload"]["OrderChangeNotification"]["AmazonOrderId"] = value
            self.assertEqual(self.code(hostile), "incomplete")

    def test_a_kind_or_a_time_that_is_missing_is_no_reason_to_lose_it(self):
        change = ("Payload", "OrderChangeNotification")
        self.assertIsNone(read(json.dumps(without(*change, "OrderChangeTrigger"))).changed)
        self.assertEqual(read(json.dumps(without(*change, "OrderChangeType"))).kind, "OrderStatusChange")

    def test_the_message_of_amazons_schema(self):
        places = [folder / "spapi-models" for folder in Path(__file__).resolve().parents]
        places += [folder / "shared" / "spapi-models" for folder in Path(__file__).resolve().parents]
        found = [path for place in places for path in place.glob("schemas/OrderChangeNotification.json")]
        if not found:
            self.skipTest("Amazon's models are not here")
        for example in json.loads(found[0].read_text())["examples"]:
            self.assertEqual(read(json.dumps(example)).order_id, "903-8868176-2219830")

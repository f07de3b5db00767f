from datetime import timedelta

from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import RequestCase


@tagged("post_install", "-at_install")
class TestRequestHold(RequestCase):
    """A legal hold keeps its customers from a request, and from nothing once it has ended."""

    def hold(self, subjects, **vals):
        hold = (
            self.env["pii.hold"]
            .with_user(self.officer)
            .create(
                {
                    "basis": "claims",
                    "legal_reference": "District court of Milan, 12 C 345/31",
                    "reason": "the buyer disputes the delivery of this order",
                    "date_end": self.company._pii_day() + timedelta(days=20),
                    "scope": "references",
                    "references": "\n".join(subjects.mapped("reference")),
                    **vals,
                }
            )
        )
        with self.acting(self.second):
            hold.with_user(self.second).action_approve()
        return hold

    def lift(self, hold):
        with self.acting(self.officer):
            hold.with_user(self.officer).action_lift("the case is settled")
        self.env.invalidate_all()

    def test_listed_and_kept_until_the_hold_ends_then_erased(self):
        held = self.subjects[0]
        hold = self.hold(held)
        request = self.register()
        request.action_preview()
        self.assertEqual((request.held_count, request.live_count), (1, 3))
        self.decide(request)
        self.run_cron()
        self.assertEqual(request.state, "done")
        self.assertEqual(self.outcomes(request)[held.reference], "held")
        self.assertEqual((request.erased_by_count, request.left_count, held.state), (2, 1, "live"))
        self.assertTrue(request.activity_search(["pii_retention_request.activity_held"]))
        self.assertIn("keeps 1", request._statement())
        with self.assertRaises(UserError) as caught:
            request.with_user(self.officer).action_confirm_copies()
        self.assertIn("not erased yet", str(caught.exception))
        self.run_cron()
        self.assertEqual(held.state, "live", "the hold goes on")
        self.lift(hold)
        self.run_cron()
        self.assertEqual((held.state, held.erased_reason), ("erased", "amazon_deletion"))
        self.assertLess(request.done_at, held.erased_on + timedelta(seconds=1))
        self.assertNothingHeld(held)
        self.assertEqual((request.state, self.outcomes(request)[held.reference]), ("done", "erased"))
        self.assertIn(held.certificate_id, request.certificate_ids)
        self.assertFalse(request.activity_search(["pii_retention_request.activity_held"]))
        self.assertEqual(request.left_count, 0)
        request.with_user(self.officer).action_confirm_copies()

    def test_a_hold_that_was_written_by_hand_keeps_nobody(self):
        hold = self.hold(self.subjects)
        self.env.cr.execute("UPDATE pii_hold SET legal_reference = 'another case' WHERE id = %s", [hold.id])
        self.env.invalidate_all()
        self.carried_out()
        self.assertNothingHeld(self.subjects)

    def test_a_held_customer_of_a_request_forged_after_it_was_done_stays(self):
        hold = self.hold(self.subjects[0])
        request = self.carried_out()
        request.item_ids.filtered(lambda item: item.outcome == "held").sudo().write(
            {"subject_uuid": self.bystander.uuid, "subject_id": self.bystander.id}
        )
        self.lift(hold)
        self.run_cron()
        self.assertEqual((self.bystander.state, self.subjects[0].state), ("live", "live"))

    def test_everybody_held(self):
        hold = self.hold(self.subjects, scope="company", references=False)
        request = self.carried_out()
        self.assertEqual((request.state, set(self.outcomes(request).values())), ("done", {"held"}))
        self.lift(hold)
        self.run_cron()
        self.assertNothingHeld(self.subjects)
        self.assertEqual(self.bystander.state, "live")

    def test_the_end_of_a_company_under_a_hold_destroys_no_key_of_the_held(self):
        held = self.subjects[0]
        hold = self.hold(held)
        request = self.register(kind="merchant_leaves")
        request.action_preview()
        self.decide(request)
        self.run_cron()
        self.assertEqual((request.state, held.state), ("done", "live"))
        with self.acting(self.clerk), held.with_user(self.clerk).reveal("invoice"):
            pass
        self.assertNothingHeld(self.subjects[1:] | self.bystander)
        self.lift(hold)
        self.run_cron()
        self.assertNothingHeld(held)

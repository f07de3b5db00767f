from unittest.mock import patch

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from odoo.addons.pii_retention import channel
from odoo.addons.pii_retention.tests.common import CANARIES

from .. import handing_out, packing, seals
from ..models import pii_request_execution as execution
from .common import RequestCase


@tagged("post_install", "-at_install")
class TestRequestAdversary(RequestCase):
    """Nobody erases, opens or ends anything past two persons who decide at their screens."""

    def previewed(self, **vals):
        request = self.register(**vals)
        request.action_preview()
        return request

    def assertUntouched(self, request=None):
        self.run_cron()
        self.assertEqual(set((self.subjects | self.bystander).mapped("state")), {"live"})
        if request:
            self.assertNotEqual(request.sudo().state, "done")

    def test_nobody_decides_about_a_request_of_their_own(self):
        request = self.previewed()
        self.assertTrue(request.needs_second)
        with self.assertRaises(UserError) as caught:
            self.decide(request, self.officer)
        self.assertIn("second officer", str(caught.exception))
        self.assertUntouched(request)

    def test_nor_about_one_that_they_handle(self):
        request = self.previewed()
        request.user_id = self.second
        with self.assertRaises(UserError):
            self.decide(request, self.second)
        self.assertUntouched(request)

    def test_one_officer_alone_erases_as_many_as_the_policy_says(self):
        request = self.previewed(references=self.subject.reference)
        self.assertFalse(request.needs_second)
        self.decide(request, self.officer)
        self.assertEqual(request.state, "approved")
        self.company._pii_policy().request_single_subjects = 0
        request = self.previewed(references=self.bystander.reference)
        with self.assertRaises(UserError):
            self.decide(request, self.officer)

    def test_what_opens_data_takes_a_second_officer_however_few(self):
        for vals in ({"kind": "data_subject", "right": "access"}, {"kind": "data_subject", "right": "rectify"}):
            request = self.previewed(subject_ids=[Command.set(self.subject.ids)], **vals)
            with self.assertRaises(UserError):
                self.decide(request, self.officer)

    def test_only_an_officer_in_person(self):
        request = self.previewed()
        for act in ("action_approve", "action_refuse", "action_confirm_unknown", "action_confirm_key"):
            for person, user in ((self.clerk, self.clerk), (self.clerk, self.second), (None, self.second)):
                with self.subTest(act=act, person=person), self.acting(person), self.assertRaises(AccessError):
                    getattr(request.with_user(user).sudo(), act)()
        for door in (channel.RPC, channel.SERVER):
            caller = channel.Caller(door, self.second.id)
            with patch.object(channel, "caller", lambda caller=caller: caller), self.assertRaises(AccessError):
                request.with_user(self.second).action_approve()
        self.assertUntouched(request)

    def test_an_administrator_has_no_part_in_it(self):
        admin = self.env.ref("base.user_admin")
        admin.group_ids -= self.env.ref("pii_retention.group_privacy_officer")
        request = self.previewed()
        with self.acting(admin), self.assertRaises(AccessError):
            request.with_user(admin).action_approve()
        with self.assertRaises(AccessError):
            request.with_user(admin).read(["references"])
        with self.assertRaises(AccessError):
            self.env["pii.request"].with_user(admin).create({"kind": "amazon_deletion", "references": "1"})

    def test_the_course_is_not_written_by_hand(self):
        request = self.previewed()
        for vals in (
            {"state": "approved"},
            {"decided_by_id": self.second.id},
            {"registered_by_id": self.second.id},
            {"due_at": fields.Datetime.now()},
            {"live_count": 0},
            {"unknown_confirmed_by_id": self.second.id},
            {"key_confirmed_by_id": self.second.id},
            {"copies_confirmed_at": fields.Datetime.now()},
            {"item_ids": [Command.clear()]},
            {"certificate_ids": [Command.clear()]},
            {"received_back_at": fields.Datetime.now()},
        ):
            with self.subTest(vals=vals), self.assertRaises(AccessError):
                request.write(vals)
        for name in ("state", "decided_by_id", "registered_by_id", "decision_seal"):
            value = "approved" if name == "state" else self.second.id
            with self.subTest(name=name), self.assertRaises(AccessError):
                self.env["pii.request"].with_user(self.officer).create({"references": "1", name: value})
        smuggled = self.env["pii.request"].with_user(self.officer).with_context(
            default_state="approved", default_registered_by_id=self.second.id, default_decided_by_id=self.second.id
        ).create({"references": self.subject.reference})  # fmt: skip
        self.assertEqual((smuggled.state, smuggled.registered_by_id), ("draft", self.officer))
        with self.assertRaises(AccessError):
            request.item_ids.write({"outcome": "erased"})
        with self.assertRaises(AccessError):
            request.item_ids.unlink()

    def forge(self, request, **columns):
        self.env.flush_all()
        names = ", ".join(f'"{name}" = %s' for name in columns)
        self.env.cr.execute(f"UPDATE pii_request SET {names} WHERE id = %s", [*columns.values(), request.id])  # pylint: disable=sql-injection
        self.env.invalidate_all()

    def test_a_state_forged_in_the_database_erases_nobody(self):
        request = self.previewed()
        self.forge(request, state="approved", decided_by_id=self.second.id, decided_at=fields.Datetime.now())
        self.assertUntouched(request)
        self.assertTrue(request.activity_search(["pii_retention_request.activity_failed"]))
        request = self.previewed()
        request.sudo().write({"state": "running", "decided_by_id": self.second.id, "decision_seal": "ab" * 32})
        self.assertUntouched(request)

    def test_what_was_decided_cannot_be_widened(self):
        tampers = {
            "kind": lambda request: self.forge(request, kind="merchant_leaves"),
            "references": lambda request: self.forge(request, references=self.bystander.reference),
            "items": lambda request: (
                self.env["pii.request.item"]
                .sudo()
                .create(
                    {
                        "request_id": request.id,
                        "subject_id": self.bystander.id,
                        "subject_uuid": self.bystander.uuid,
                        "reference": self.bystander.reference,
                    }
                )
            ),
            "another's item": lambda request: (
                request.item_ids[:1]
                .sudo()
                .write({"subject_id": self.bystander.id, "subject_uuid": self.bystander.uuid})
            ),
            "company": lambda request: self.forge(
                request, company_id=self.env["res.company"].create({"name": "Elsewhere"}).id
            ),
        }
        for name, tamper in tampers.items():
            request = self.previewed()
            self.decide(request)
            self.assertTrue(seals.is_genuine(request))
            tamper(request)
            with self.subTest(tamper=name):
                self.assertFalse(seals.is_genuine(request))
                self.assertUntouched(request)

    def test_what_the_certificate_says_is_not_rewritten(self):
        request = self.carried_out()
        for vals in (
            {"requester": "Somebody Else"},
            {"legal_basis": "other"},
            {"decision_note": "x"},
            {"channel": "phone"},
        ):
            with self.subTest(vals=vals), self.assertRaises(UserError):
                request.write(vals)
        self.assertTrue(seals.is_genuine(request))
        self.forge(request, requester="Somebody Else")
        self.assertFalse(seals.is_genuine(request))

    def test_a_count_written_by_hand_does_not_make_one_officer_enough(self):
        request = self.previewed()
        self.forge(request, live_count=1)
        self.assertFalse(request.needs_second)
        with self.assertRaises(UserError) as caught:
            self.decide(request, self.officer)
        self.assertIn("second officer", str(caught.exception))

    def test_an_item_that_points_at_somebody_else_erases_nobody(self):
        """The seal names UUIDs: a row whose link leads elsewhere is not what was decided about."""
        request = self.previewed()
        self.decide(request)
        request.item_ids[:1].sudo().subject_id = self.bystander
        self.run_cron()
        self.assertEqual(self.bystander.state, "live")

    def test_a_seal_of_another_request_fits_none(self):
        first, second = self.previewed(references=self.subject.reference), self.previewed()
        self.decide(first)
        self.forge(second, state="approved", decision_seal=first.sudo().decision_seal, decided_by_id=self.second.id)
        self.run_cron()
        self.assertEqual(set(self.subjects[1:].mapped("state")), {"live"})

    def test_typed_code_neither_decides_nor_opens(self):
        request = self.previewed()
        action = self.env["ir.actions.server"].create(
            {
                "name": "approve",
                "model_id": self.env.ref("pii_retention_request.model_pii_request").id,
                "state": "code",
                "code": "record.sudo().action_approve()",
            }
        )
        with self.acting(self.second), self.assertRaises(AccessError):
            action.with_user(self.second).with_context(
                active_model="pii.request", active_id=request.id, active_ids=request.ids
            ).sudo().run()
        self.assertUntouched(request)
        methods = {
            name
            for name in dir(type(self.env["pii.request"]))
            if callable(getattr(type(self.env["pii.request"]), name, None))
        }
        # what opens, erases or seals is no method that typed code could reach
        opening = {"held", "Archive", "seal", "_mac", "pack", "_add", "_erase", "_destroy_domain"}
        there = {
            name for module in (packing, seals, handing_out, execution) for name in opening if hasattr(module, name)
        }
        self.assertEqual(there, opening)
        self.assertFalse(opening & methods)

    def test_packing_outside_of_a_reveal(self):
        with self.assertRaises(RuntimeError):
            packing.held(self.env, self.subject)
        with self.assertRaises(RuntimeError):
            packing.Archive().add(self.env, self.subject)

    def test_another_companys_officer_sees_nothing(self):
        other = self.env["res.company"].create({"name": "Other Shop"})
        stranger = self.second.copy({"login": "stranger", "company_id": other.id, "company_ids": [(6, 0, other.ids)]})
        request = self.previewed()
        self.assertFalse(self.env["pii.request"].with_user(stranger).search([]))
        self.assertFalse(self.env["pii.request.item"].with_user(stranger).search([]))
        with self.acting(stranger), self.assertRaises(AccessError):
            request.with_user(stranger).action_approve()
        with self.assertRaises(AccessError):
            self.env["pii.request"].with_user(stranger).create(
                {"company_id": self.company.id, "references": self.subject.reference, "user_id": self.officer.id}
            )

    def test_the_record_names_nobody(self):
        request = self.carried_out()
        self.assertRequestImpersonal(request)
        self.assertTrue(CANARIES)

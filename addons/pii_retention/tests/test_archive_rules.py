"""Rules of the legal archive: two persons, dated versions, and nothing under what somebody wrote by hand."""

from datetime import date

from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention import archive_seals

from .archive_common import ArchiveCase

DAY = date(2026, 3, 1)


@tagged("post_install", "-at_install")
class TestArchiveRules(ArchiveCase):
    def in_force(self, code="DE", company=None, day=DAY):
        return archive_seals.rule_in_force(company or self.company, code, day)

    def test_the_rows(self):
        rows = self.env["pii.archive.rule"].search([("company_id", "=", False)])
        self.assertEqual(set(rows.mapped("code")), set("IT ES FR DE UK PL NL BE SE IE OSS".split()))
        for row in rows:
            self.assertTrue(row.statute and row.article and row.fields_kept and row.document_kinds, row.code)
            self.assertEqual(bool(row.country_id), row.code != "OSS", row.code)
        print("FIGURE archive_country_rows", len(rows), "rows")

    def test_nothing_is_in_force_by_itself(self):
        self.assertFalse(self.in_force("FR"))
        draft = self.proposed("FR")
        self.assertEqual((draft.state, draft.company_id, draft.years), ("draft", self.company, 10))
        self.assertFalse(self.in_force("FR"))
        self.assertIn(self.officer, draft.activity_ids.user_id, "the officers are asked")
        self.confirm(draft)
        self.assertEqual(self.in_force("FR"), draft)
        self.assertEqual((draft.requested_by_id, draft.decided_by_id), (self.accountant, self.officer))
        self.assertFalse(draft.activity_ids)
        self.assertTrue(draft.is_in_force)

    def test_two_persons(self):
        with self.acting(self.officer):
            rows = self.env["pii.archive.rule"].search([("code", "=", "NL"), ("company_id", "=", False)])
            draft = self.env["pii.archive.rule"].browse(rows.with_user(self.officer).action_propose()["res_id"])
            with self.assertRaisesRegex(UserError, "request of their own"):
                draft.with_user(self.officer).action_confirm()
        for person, user in ((self.accountant, self.accountant), (None, self.officer), (self.accountant, self.officer)):
            with self.acting(person), self.assertRaises(AccessError):
                draft.with_user(user).action_confirm()
        self.confirm(draft, self.second_officer)
        with self.acting(self.second_officer), self.assertRaisesRegex(UserError, "already"):
            draft.with_user(self.second_officer).action_confirm()

    def test_who_proposes(self):
        row = self.env["pii.archive.rule"].search([("code", "=", "SE"), ("company_id", "=", False)])
        for user in (self.auditor, self.nobody):
            with self.assertRaises(AccessError):
                row.with_user(user).action_propose()
        with self.assertRaises(AccessError):
            row.with_user(self.accountant).copy()

    def test_only_a_draft_is_changed_and_by_its_proposer(self):
        draft = self.proposed("IE")
        with self.assertRaises(UserError):
            draft.with_user(self.officer).write({"years": 7})
        for vals in ({"state": "confirmed"}, {"decided_by_id": self.officer.id}, {"terms_seal": "x"}):
            with self.assertRaises(AccessError):
                draft.with_user(self.accountant).write(vals)
        with Form(draft.with_user(self.accountant)) as form:
            form.note = "The accountant agrees."
        self.confirm(draft)
        with self.assertRaises(UserError):
            draft.with_user(self.accountant).write({"years": 7})
        with self.assertRaisesRegex(UserError, "evidence"):
            draft.with_user(self.officer).unlink()

    def test_other_terms_need_a_reason(self):
        draft = self.proposed("BE", years=7)
        with self.acting(self.officer), self.assertRaisesRegex(ValidationError, "Why It Differs"):
            draft.with_user(self.officer).action_confirm()
        draft.with_user(self.accountant).deviation_reason = "documents of the years before 2023"
        self.confirm(draft)
        self.assertEqual(self.in_force("BE").years, 7)

    def test_forged_rows_are_not_in_force(self):
        draft = self.proposed("NL")
        draft.sudo().write({"state": "confirmed", "decided_by_id": self.officer.id})
        self.assertFalse(self.in_force("NL"), "sudo confirms nothing")
        self.env.cr.execute("UPDATE pii_archive_rule SET years = 30 WHERE id = %s", [self.rule.id])
        self.env.invalidate_all()
        self.assertFalse(self.in_force(), "terms that nobody confirmed")

    def test_a_seal_of_another_company_does_not_fit(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.env.cr.execute("UPDATE pii_archive_rule SET company_id = %s WHERE id = %s", [other.id, self.rule.id])
        self.env.invalidate_all()
        self.assertFalse(self.in_force(company=other))

    def test_versions(self):
        item = self.keep()
        draft = self.env["pii.archive.rule"].browse(self.rule.with_user(self.accountant).action_propose()["res_id"])
        self.assertEqual(draft.previous_id, self.rule)
        self.assertEqual(draft.valid_from, self.company._pii_day())
        draft.with_user(self.accountant).write(
            {"years": 6, "valid_from": "2026-07-01", "deviation_reason": "shorter by a new act"}
        )
        self.confirm(draft)
        self.assertEqual(self.in_force(day=date(2026, 6, 30)), self.rule)
        self.assertEqual(self.in_force(day=date(2026, 7, 1)), draft)
        self.assertEqual((item.years, item.retain_until), (8, date(2034, 12, 31)), "what is archived keeps its terms")
        self.assertEqual(self.keep(day=date(2026, 8, 1), content=b"%PDF other").retain_until, date(2032, 12, 31))

    def test_companies_are_apart(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.assertFalse(self.in_force(company=other))
        stranger = new_test_user(
            self.env,
            "stranger",
            groups="pii_retention.group_privacy_officer",
            company_id=other.id,
            company_ids=[(6, 0, other.ids)],
        )
        self.assertFalse(self.env["pii.archive.rule"].with_user(stranger).search([("id", "=", self.rule.id)]))
        with self.acting(stranger), self.assertRaises(AccessError):
            self.proposed("FR").with_user(stranger).action_confirm()

    @mute_logger("odoo.sql_db")
    def test_years_make_sense(self):
        for years in (0, 31):
            with self.assertRaises(IntegrityError), self.env.cr.savepoint():
                self.proposed("FR").sudo().write({"years": years})
                self.env.flush_all()

"""The screen of the keys: names and states, never a key, and never an empty list because a volume is gone."""

import base64
import os
from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user, tagged

from odoo.addons.pii_retention import keys

from .test_keys import KeysCase


@tagged("post_install", "-at_install")
class TestKeysScreen(KeysCase):
    def setUp(self):
        super().setUp()
        self.forget_store()
        patcher = patch.dict(os.environ, {keys.ENVIRONMENT: str(self.folder / "store")})
        patcher.start()
        self.addCleanup(patcher.stop)
        self.seal("screen-0")
        keys.seal_secret(self.company, "token", "x")
        self.env["pii.key"].sudo().search([]).unlink()
        self.auditor = new_test_user(self.env, "vault_auditor", groups="pii_retention.group_auditor")
        self.screen = self.env["pii.key"].with_user(self.officer)

    def rows(self):
        return self.screen.search([])

    def test_opening_lists_the_keys(self):
        action = self.screen.action_open()
        self.assertEqual((action["res_model"], action["type"]), ("pii.key", "ir.actions.act_window"))
        rows = self.rows()
        self.assertEqual(sorted(rows.mapped("key_id")), keys.keyring(self.env).list())
        self.assertLessEqual({"day", "secret"}, set(rows.mapped("kind")))
        self.assertEqual(set(rows.mapped("state")), {"plain"})
        self.assertEqual(rows.filtered(lambda row: row.kind == "day").company_id, self.company)
        self.assertTrue(all(rows.mapped("made_on")) and all(rows.mapped("seen_on")))

    def test_no_key_is_ever_among_what_is_read(self):
        self.screen.action_open()
        self.screen.action_check()
        shown = str(self.rows().read())
        for model in ("pii.key.report", "pii.key.finding", "pii.key.operation"):
            shown += str(self.env[model].sudo().search([]).read())
        ring, looked_for = keys.keyring(self.env), 0
        for key_id in ring.list():
            raw = ring._store.read(key_id).expose()
            for spelling in (raw.hex(), repr(raw)[2:-1], *_base64(raw)):
                self.assertNotIn(spelling, shown)
                looked_for += 1
        print("FIGURE key_spellings_looked_for_on_screens", looked_for, "spellings")

    def test_destroyed_keys_leave_and_new_ones_come(self):
        self.screen.action_open()
        gone = next(key_id for key_id in keys.keyring(self.env).list() if key_id.startswith("secret/"))
        keys.keyring(self.env).destroy(gone, "company_left")
        keys.keyring(self.env).create(f"{gone}/2")
        self.assertEqual(self.screen.action_refresh()["tag"], "soft_reload")
        self.assertNotIn(gone, self.rows().mapped("key_id"))
        self.assertEqual(self.rows().filtered(lambda row: row.key_id == f"{gone}/2").generation, 2)

    def test_a_store_that_is_gone_is_not_an_empty_list(self):
        self.screen.action_open()
        known = self.rows().mapped("key_id")
        self.assertTrue(known)
        os.rename(self.folder / "store", self.folder / "unmounted")
        action = self.screen.action_open()
        self.assertEqual((action["tag"], action["params"]["type"]), ("display_notification", "danger"))
        self.assertRegex(action["params"]["message"], "mount its volume|is gone")
        self.assertEqual(action["params"]["next"]["res_model"], "pii.key")
        self.assertEqual(self.rows().mapped("key_id"), known)
        self.assertEqual(set(self.rows().mapped("state")), {"unknown"})
        self.assertEqual(len(self.screen.web_search_read([], {"key_id": {}, "state": {}})["records"]), len(known))
        report = self.env["pii.key.report"].browse(self.screen.action_check()["res_id"]).with_user(self.officer)
        self.assertEqual(report.verdict, "error")
        self.assertRegex(report.finding_ids[0].text, "mount its volume|is gone")
        os.rename(self.folder / "unmounted", self.folder / "store")
        self.assertEqual(self.screen.action_open()["res_model"], "pii.key")
        self.assertEqual(set(self.rows().mapped("state")), {"plain"})

    def test_a_damaged_key_is_one_row(self):
        path = next(path for path in (self.folder / "store" / "keys").iterdir() if path.name.startswith("secret~"))
        path.write_bytes(path.read_bytes()[:50])
        self.screen.action_open()
        row = self.rows().filtered(lambda row: row.state == "damaged")
        self.assertEqual(row.kind, "secret")
        self.assertIn("truncated", row.problem)
        self.assertGreater(len(self.rows()), 1)

    def test_who_may_look_and_who_may_rewrap(self):
        self.env["pii.key"].with_user(self.auditor).action_open()
        self.env["pii.key"].with_user(self.auditor).action_check()
        self.assertTrue(self.env["pii.key"].with_user(self.auditor).search([]))
        with self.assertRaises(AccessError):
            self.env["pii.key"].with_user(self.auditor).action_rewrap()
        admin = new_test_user(self.env, "vault_admin", groups="base.group_system")
        refused = 0
        for user in (self.nobody, self.clerk, admin):
            model = self.env["pii.key"].with_user(user)
            for call in (
                model.action_open,
                model.action_refresh,
                model.action_check,
                model.action_rewrap,
                lambda model=model: model.search([]),
                lambda user=user: self.env["pii.key.report"].with_user(user).search([]),
            ):
                with self.assertRaises(AccessError):
                    call()
                refused += 1
        for user in (self.officer, self.auditor):
            for act in (
                lambda user=user: (
                    self.env["pii.key"].with_user(user).create({"key_id": "x", "kind": "day", "state": "plain"})
                ),
                lambda user=user: self.env["pii.key"].with_user(user).search([]).unlink(),
                lambda user=user: self.env["pii.key"].with_user(user).search([]).write({"state": "wrapped"}),
            ):
                with self.assertRaises(AccessError):
                    act()
                refused += 1
        print("FIGURE key_screen_refusals", refused, "probes")

    def test_rewrapping_from_the_screen(self):
        with self.configured(master_key=self.master()):
            self.screen.action_open()
            self.assertEqual(set(self.rows().mapped("state")), {"plain"})
            report = self.env["pii.key.report"].browse(self.screen.action_check()["res_id"]).with_user(self.officer)
            self.assertEqual((report.verdict, report.outdated_count), ("warning", report.key_count))
            action = report.action_rewrap()
            self.assertEqual(action["params"]["type"], "success")
            self.assertEqual(set(self.rows().mapped("state")), {"wrapped"})
            self.assertIn("already", self.screen.action_rewrap()["params"]["message"])
            report = self.env["pii.key.report"].browse(report.action_again()["res_id"]).with_user(self.officer)
            self.assertEqual((report.verdict, report.outdated_count), ("good", 0))
            self.assertIn("rewrap", report.operation_ids.mapped("operation"))
            self.assertEqual(report.operation_ids[0].outcome, "done")
            self.assertIn(f"/{self.clerk.id}", report.operation_ids[0].actor)

    def test_rewrapping_goes_on_after_an_interruption(self):
        ring = keys.keyring(self.env)
        base = next(key_id for key_id in ring.list() if key_id.startswith("secret/"))
        for number in range(2, 6):
            ring.create(f"{base}/{number}")
        with (
            self.configured(master_key=self.master()),
            patch("odoo.addons.pii_retention.models.pii_key.REWRAP_SECONDS", 0),
        ):
            kinds = [self.screen.action_rewrap()["params"]["type"] for _ in range(len(ring.list()))]
        self.assertEqual(kinds, ["warning"] * (len(kinds) - 1) + ["success"])

    def test_a_key_that_cannot_be_rewrapped_is_said(self):
        path = next(path for path in (self.folder / "store" / "keys").iterdir() if path.name.startswith("secret~"))
        path.write_bytes(path.read_bytes()[:50])
        with self.configured(master_key=self.master()):
            action = self.screen.action_rewrap()
        self.assertEqual(action["params"]["type"], "danger")
        self.assertIn("1 could not be", action["params"]["message"])

    def test_keys_of_other_companies(self):
        other = self.env["res.company"].create({"name": "Another One"})
        self.seal("screen-1", company_id=other.id)
        self.screen.action_open()
        self.assertNotIn(other, self.rows().company_id)
        self.officer.company_ids += other
        rows = self.screen.with_context(allowed_company_ids=[self.company.id, other.id]).search([])
        self.assertIn(other, rows.company_id)

    def test_the_forms_open(self):
        self.screen.action_open()
        Form(self.rows()[:1])
        Form(self.env["pii.key.report"].browse(self.screen.action_check()["res_id"]).with_user(self.officer))


def _base64(raw):
    return base64.b64encode(raw).decode().rstrip("="), base64.urlsafe_b64encode(raw).decode().rstrip("=")

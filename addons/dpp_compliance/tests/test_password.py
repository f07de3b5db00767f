from datetime import datetime, timedelta
from urllib.parse import urlsplit

from freezegun.api import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, TransactionCase, tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention.tests.common import VaultCase

from .. import rules
from .common import SignInMixin, good

SECOND = timedelta(seconds=1)
START = datetime(2031, 3, 1, 9)


@tagged("post_install", "-at_install")
class TestPassword(SignInMixin, TransactionCase):
    """What a password may be, and for how long."""

    def at(self, moment):
        self.env.invalidate_all()
        return freeze_time(moment)

    def set_at(self, user, moment):
        user.write({"dpp_password_set_at": moment, "dpp_must_change": False})

    def test_length_to_the_character(self):
        for password, fine in (("Qw7!zKp3Lm#", False), ("Qw7!zKp34Lm#", True)):
            self.assertEqual(len(password), 12 if fine else 11)
            self.assertEqual(not rules.faults(password, 12, set()), fine)
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self.choose(self.clerk, "Qw7!zKp3Lm#", by=self.officer)
        self.choose(self.clerk, "Qw7!zKp34Lm#", by=self.officer)

    def test_each_kind_of_character(self):
        for password, missing in (
            ("qw7!zkp34lm#", "upper"),
            ("QW7!ZKP34LM#", "lower"),
            ("Qwe!zKpxyLm#", "digit"),
            ("Qw7azKp34Lmb", "special"),
        ):
            with self.subTest(missing=missing):
                self.assertEqual(rules.faults(password, 12, set()), [missing])
                with self.assertRaises(UserError), self.env.cr.savepoint():
                    self.choose(self.clerk, password, by=self.officer)

    def test_no_part_of_the_name(self):
        parts = rules.name_parts("anna.rossi@shop.example.com", "Anna Zoé Rossi")
        self.assertEqual(parts, {"anna.rossi", "anna", "rossi", "anna zoe rossi", "zoe"})
        for password in ("Anna7!zKp34Lm", "x7!zROSSI34Lm", "x7!zZoé34Lm#K"):
            self.assertEqual(rules.faults(password, 12, parts), ["name"], password)
        with self.assertRaises(UserError) as caught, self.env.cr.savepoint():
            self.choose(self.clerk, "7!zBerta34Lm#", by=self.officer)
        self.assertNotIn("7!z", str(caught.exception), "an error shows nothing of the password")

    def test_whom_the_rules_bind(self):
        self.choose(self.plain, "only letters", by=self.officer)
        self.assertFalse(self.plain._dpp_change_reason())
        for group in ("base.group_system", "pii_retention.group_auditor", "pii_retention.group_customer_care"):
            self.assertTrue(self.employee(f"dpp_{group[-6:]}", group)._dpp_is_bound())

    def test_not_twice_within_a_day(self):
        self.set_at(self.clerk, START)
        with self.at(START + timedelta(days=1) - SECOND), self.assertRaises(UserError), self.env.cr.savepoint():
            self.choose(self.clerk, good(1))
        with self.at(START + timedelta(days=1)):
            self.choose(self.clerk, good(1))
        with self.at(START + timedelta(days=1, hours=1)):
            self.choose(self.clerk, good(2), by=self.officer)
            self.assertTrue(self.clerk._dpp_change_reason(), "what another has set is changed")
            self.choose(self.clerk, good(3))
            self.assertFalse(self.clerk._dpp_change_reason())

    def test_changed_within_half_a_year(self):
        self.set_at(self.clerk, START)
        with self.at(START + timedelta(days=180) - SECOND):
            self.assertFalse(self.clerk._dpp_change_reason())
            self.assertFalse(self.clerk._pii_sign_in_refusal())
        with self.at(START + timedelta(days=180)):
            self.assertTrue(self.clerk._dpp_change_reason())
            self.assertTrue(self.clerk._pii_sign_in_refusal())
            self.choose(self.clerk, good(1))
            self.assertFalse(self.clerk._dpp_change_reason())
            self.set_at(self.plain, START)
            self.assertFalse(self.plain._dpp_change_reason())

    def test_none_of_the_last_ten(self):
        moment = START
        self.set_at(self.clerk, moment - timedelta(days=2))
        for number in range(11):
            moment += timedelta(days=2)
            with self.at(moment):
                self.choose(self.clerk, good(number))
        with self.at(moment + timedelta(days=2)):
            for number in (10, 5, 1):
                with self.subTest(number=number), self.assertRaises(UserError), self.env.cr.savepoint():
                    self.choose(self.clerk, good(number))
            self.choose(self.clerk, good(0))
        hashes = self.env["dpp.password"].search([("user_id", "=", self.clerk.id)])
        self.assertEqual(len(hashes), 10, "older ones are forgotten")
        self.env.cr.execute("SELECT hashed FROM dpp_password WHERE user_id = %s", [self.clerk.id])
        stored = [row[0] for row in self.env.cr.fetchall()]
        self.assertEqual(len(set(stored)), 10)
        self.assertFalse([text for text in stored if "Qw7" in text])

    def test_nobody_reads_the_hashes(self):
        admin = self.employee("dpp_admin", "base.group_system")
        for user in (admin, self.officer, self.clerk):
            with self.assertRaises(AccessError):
                self.env["dpp.password"].with_user(user).search_read([], ["hashed"])

    def test_the_strictest_company_counts(self):
        other = self.env["res.company"].create({"name": "Strict"})
        other._pii_policy().write({"password_length": 16})
        self.assertEqual(self.clerk._dpp_figure("password_length"), 12)
        self.clerk.company_ids += other
        self.assertEqual(self.clerk._dpp_figure("password_length"), 16)


@tagged("post_install", "-at_install")
class TestGate(VaultCase):
    """The gate opens nothing for a password that has to be changed."""

    @classmethod
    def setUpClass(cls):
        from odoo.addons.dpp_compliance import rules as own

        before, own.faults = own.faults, lambda *_args: []
        try:
            super().setUpClass()
        finally:
            own.faults = before

    def test_refused_meanwhile(self):
        def name():
            with self.acting(self.clerk), self.subject.with_user(self.clerk).reveal("label") as env:
                return env["res.partner"].browse(self.partner.id).name

        self.clerk.write({"dpp_must_change": False})
        self.assertTrue(name())
        self.clerk.write({"dpp_must_change": True})
        with self.assertRaises(AccessError):
            name()
        self.clerk.write({"dpp_must_change": False})
        self.assertTrue(name())


@tagged("post_install", "-at_install")
class TestPasswordPage(SignInMixin, HttpCase):
    """Whoever has to change the password does that first."""

    def test_first_the_password(self):
        self.clerk.write({"dpp_must_change": True})
        self.authenticate(self.clerk.login, good(99))
        answer = self.url_open("/odoo", allow_redirects=False)
        self.assertEqual((answer.status_code, urlsplit(answer.headers["Location"]).path), (303, "/dpp/password"))
        with mute_logger("odoo.http"):
            called = self.make_jsonrpc_request_raw("/web/dataset/call_kw/res.partner/search_count")
        self.assertIn("error", called)
        page = self.url_open("/dpp/password").text
        self.assertIn("Somebody else has set your password", page)
        from odoo.http import Request

        token = Request.csrf_token(self)
        for old, new, again, text in (
            ("wrong", good(1), good(1), "The present password is not right."),
            (good(99), good(1), good(2), "differ"),
            (good(99), "short", "short", "at least 12 characters"),
        ):
            answer = self.url_open("/dpp/password", data={"old": old, "new": new, "again": again, "csrf_token": token})
            self.assertIn(text, answer.text)
        answer = self.url_open(
            "/dpp/password",
            data={"old": good(99), "new": good(1), "again": good(1), "csrf_token": token},
            allow_redirects=False,
        )
        self.assertEqual(answer.status_code, 303)
        self.assertEqual(self.url_open("/odoo", allow_redirects=False).status_code, 200)
        self.assertFalse(self.clerk.dpp_must_change)

    def make_jsonrpc_request_raw(self, path):
        params = {"model": "res.partner", "method": "search_count", "args": [[]], "kwargs": {}}
        return self.url_open(path, json={"jsonrpc": "2.0", "method": "call", "id": 1, "params": params}).json()

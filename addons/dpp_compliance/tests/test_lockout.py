import threading
from datetime import datetime, timedelta
from unittest.mock import patch

import psycopg2
from freezegun.api import freeze_time

from odoo.exceptions import AccessDenied, AccessError, UserError
from odoo.tests import TransactionCase, tagged

from odoo.addons.pii_retention import alerts

from .. import lockouts
from .common import SignInMixin, good

SECOND = timedelta(seconds=1)
START = datetime(2031, 3, 1, 9)


@tagged("post_install", "-at_install")
class TestLockout(SignInMixin, TransactionCase):
    """Three failed attempts lock an account for a while, wherever they come from."""

    def setUp(self):
        super().setUp()
        # a count is a transaction of its own; here it is one of the test's
        self.enterContext(self.enter_registry_test_mode())

    def at(self, moment):
        self.env.invalidate_all()
        return freeze_time(moment)

    def sign_in(self, login, password):
        credential = {"type": "password", "login": login, "password": password}
        return self.env["res.users"].authenticate(credential, {"interactive": True})["uid"]

    def denied(self, act, *args):
        """Return the text of the refusal; ``assertRaises`` would undo what was counted on this one connection."""
        try:
            act(*args)
        except AccessDenied as error:
            return str(error)
        self.fail("not refused")

    def guess(self, login, times=1):
        return [self.denied(self.sign_in, login, "wrong password") for _number in range(times)]

    def lockout(self, login):
        self.env.invalidate_all()
        return self.env["dpp.lockout"].search([("key", "=", lockouts.key_of(login))])

    def test_two_failures_do_not_lock(self):
        self.guess(self.clerk.login, 2)
        self.assertEqual(self.sign_in(self.clerk.login, good(99)), self.clerk.id)
        self.assertFalse(self.lockout(self.clerk.login), "a success forgets the failures")
        self.guess(self.clerk.login, 2)
        self.assertEqual(self.sign_in(self.clerk.login, good(99)), self.clerk.id)

    def test_three_failures_lock_until_the_second(self):
        with self.at(START):
            self.guess(self.clerk.login, 3)
            self.assertTrue(self.lockout(self.clerk.login).is_locked)
            self.assertIn("Too many failed attempts", self.denied(self.sign_in, self.clerk.login, good(99)))
        with self.at(START + timedelta(minutes=30) - SECOND):
            self.denied(self.sign_in, self.clerk.login, good(99))
        with self.at(START + timedelta(minutes=30)):
            self.assertEqual(self.sign_in(self.clerk.login, good(99)), self.clerk.id)

    def test_it_outlives_the_process(self):
        """Nothing is kept in memory: another worker, or this one after a restart, reads the same row."""
        self.guess(self.clerk.login, 3)
        self.env.registry.clear_cache()
        if hasattr(self.env.registry, "_login_failures"):
            del self.env.registry._login_failures
        self.denied(self.sign_in, self.clerk.login, good(99))

    def test_an_account_that_does_not_exist_answers_alike(self):
        self.assertEqual(self.guess("nobody.at.all", 4), self.guess(self.clerk.login, 4))
        self.assertFalse(self.lockout("nobody.at.all").user_id)
        self.assertEqual(self.lockout(self.clerk.login).user_id, self.clerk)
        self.assertNotIn("nobody", str(self.lockout("nobody.at.all").read()))

    def test_failures_far_apart_do_not_add_up(self):
        for number in range(4):
            with self.at(START + number * timedelta(minutes=31)):
                self.guess(self.clerk.login)
        self.assertEqual(self.lockout(self.clerk.login).failures, 1)

    def test_each_account_by_itself(self):
        self.guess(self.clerk.login, 3)
        self.assertEqual(self.sign_in(self.officer.login, good(99)), self.officer.id)

    def test_remote_calls_are_counted(self):
        users = self.env["res.users"].with_user(self.clerk)
        for _number in range(3):
            self.denied(users._check_uid_passwd, self.clerk.id, "wrong password")
        self.denied(users._check_uid_passwd, self.clerk.id, good(99))
        self.denied(self.sign_in, self.clerk.login, good(99))

    def test_guesses_in_an_open_session_are_counted(self):
        for _number in range(3):
            self.denied(self.env["res.users"].with_user(self.clerk).change_password, "wrong", good(1))
        self.denied(self.sign_in, self.clerk.login, good(99))

    def test_a_password_does_not_reset_guesses_of_the_code(self):
        with patch.object(type(self.clerk), "_mfa_type", lambda user: "totp"):
            self.guess(self.clerk.login, 2)
            self.sign_in(self.clerk.login, good(99))
            self.assertEqual(self.lockout(self.clerk.login).failures, 2)

    def test_a_weak_password_is_noticed_at_sign_in(self):
        self.clerk.write({"dpp_must_change": False})
        context = self.clerk._crypt_context()
        self.clerk._set_encrypted_password(self.clerk.id, context.hash("dpp_clerk"))
        self.sign_in(self.clerk.login, "dpp_clerk")
        self.assertTrue(self.clerk._dpp_change_reason())

    def test_the_officers_see_and_unlock(self):
        self.guess(self.clerk.login, 3)
        alert = self.env["pii.alert"].search([("kind", "=", "lockout")])
        self.assertEqual(len(alert), 1)
        lockout = self.lockout(self.clerk.login)
        self.assertIn(lockout, self.env["dpp.lockout"].with_user(self.officer).search([("is_locked", "=", True)]))
        for person, user in ((self.clerk, self.clerk), (None, self.officer), (self.clerk, self.officer)):
            type(self).person = person
            with self.assertRaises(AccessError):
                lockout.with_user(user).action_unlock()
        type(self).person = self.officer
        try:
            lockout.with_user(self.officer).action_unlock()
            self.guess(self.officer.login, 3)
            with self.assertRaises(UserError):
                self.lockout(self.officer.login).with_user(self.officer).action_unlock()
        finally:
            type(self).person = None
        self.assertEqual(self.sign_in(self.clerk.login, good(99)), self.clerk.id)

    def test_the_text_says_how_long_and_nothing_of_the_account(self):
        self.guess(self.clerk.login, 3)
        text = self.denied(self.sign_in, self.clerk.login, good(99))
        self.assertIn("30 minutes", text)
        self.guess("nobody.at.all", 3)
        self.assertEqual(text, self.denied(self.sign_in, "nobody.at.all", good(99)))

    def test_a_program_does_not_go_on_with_a_password_that_is_over(self):
        users = self.env["res.users"].with_user(self.clerk)
        users._check_uid_passwd(self.clerk.id, good(99))
        self.env.registry.clear_cache()
        self.clerk.dpp_password_set_at = START
        with self.at(START + timedelta(days=180)):
            for _number in range(4):
                self.assertIn("older than 180 days", self.denied(users._check_uid_passwd, self.clerk.id, good(99)))
            self.assertFalse(self.lockout(self.clerk.login), "a right password is no guess")
            self.assertEqual(self.sign_in(self.clerk.login, good(99)), self.clerk.id, "a person is sent to the page")

    def test_nor_with_one_that_breaks_the_rules(self):
        """However often it asks: what is answered from memory is looked at, too. An API key is no password."""
        users = self.env["res.users"].with_user(self.clerk)
        self.clerk._set_encrypted_password(self.clerk.id, self.clerk._crypt_context().hash("dpp_clerk"))
        for _number in range(3):
            self.assertIn("does not meet the rules", self.denied(users._check_uid_passwd, self.clerk.id, "dpp_clerk"))
        self.clerk.dpp_must_change = True
        keys = self.env["res.users.apikeys"].with_user(self.clerk)
        key = keys._generate(None, "a program", datetime.now() + timedelta(days=1))
        users._check_uid_passwd(self.clerk.id, key)
        with self.assertRaises(AccessDenied):
            users._check_uid_passwd(self.clerk.id, "f" * 40)

    def test_the_operator_unlocks(self):
        self.guess(self.clerk.login, 3)
        self.assertTrue(lockouts.unlock(self.env.registry, self.clerk.login))
        self.assertFalse(lockouts.unlock(self.env.registry, self.clerk.login))
        self.assertEqual(self.sign_in(self.clerk.login, good(99)), self.clerk.id)

    def test_officers_who_cannot_be_told_leave_it_locked(self):
        with patch.object(alerts, "tell", side_effect=psycopg2.errors.SerializationFailure):
            self.guess(self.clerk.login, 3)
        self.denied(self.sign_in, self.clerk.login, good(99))

    def test_old_counts_are_forgotten(self):
        with self.at(START):
            self.guess(self.clerk.login, 1)
            self.guess(self.plain.login, 3)
        with self.at(START + timedelta(minutes=30) - SECOND):
            self.env["dpp.lockout"]._cron_forget()
            self.assertTrue(self.lockout(self.clerk.login))
        with self.at(START + timedelta(minutes=31)):
            self.env["dpp.lockout"]._cron_forget()
            self.assertFalse(self.lockout(self.clerk.login) | self.lockout(self.plain.login))


@tagged("post_install", "-at_install")
class TestGuessesAtOnce(TransactionCase):
    """Guesses that come at the same moment are counted one by one."""

    def test_none_is_lost(self):
        login, registry, guesses = "dpp.nobody.at.once", self.env.registry, 12
        failed = []

        def forget():
            with registry.cursor() as cr:
                cr.execute("DELETE FROM dpp_lockout WHERE key = %s", [lockouts.key_of(login)])

        def guess():
            # plain SQL on a connection of its own, no environment
            try:
                lockouts.count(registry, login, 3, 30)
            except psycopg2.Error as error:
                failed.append(error.pgcode)

        self.addCleanup(forget)
        threads = [threading.Thread(target=guess) for _number in range(guesses)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        with registry.cursor() as cr:
            cr.execute("SELECT failures FROM dpp_lockout WHERE key = %s", [lockouts.key_of(login)])
            counted = cr.fetchone()[0]
        self.assertEqual(counted, guesses)
        print(f"\nFIGURE sign_in_guesses_at_once_counted {counted} guesses ={guesses}")

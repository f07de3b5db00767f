from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from odoo import fields
from odoo.tests import HttpCase, new_test_user, tagged

from ..controllers.oauth import CALLBACK, HideCodes
from .common import SELLER, SandboxMixin


@tagged("post_install", "-at_install")
class TestOAuth(SandboxMixin, HttpCase):
    """The consent flow in a real session, against the sandbox's consent page."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = new_test_user(
            cls.env, "amazon_manager", groups="amazon_spapi_connector.group_manager", password="amazon_manager"
        )
        cls.colleague = new_test_user(
            cls.env, "amazon_colleague", groups="amazon_spapi_connector.group_manager", password="amazon_colleague"
        )
        cls.user = new_test_user(
            cls.env, "amazon_user", groups="amazon_spapi_connector.group_user", password="amazon_user"
        )
        cls.account.write({"seller_id": False, "refresh_token_sealed": False, "state": "draft"})

    def _start(self) -> str:
        """Begin as the signed-in user; returns the address at Amazon."""
        answer = self.url_open(f"/amazon/spapi/oauth/start/{self.account.id}", allow_redirects=False)
        self.assertEqual(answer.status_code, 303, answer.text[:300])
        self.assertEqual(answer.headers["Referrer-Policy"], "no-referrer")
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        return answer.headers["Location"]

    def _consent(self, address: str) -> dict[str, str]:
        """What the seller does at Amazon; returns the parameters that the browser brings back."""
        parts = urlsplit(address)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        form = {**query, "seller": SELLER, "decision": "allow"}
        answer = httpx.post(f"{self.sandbox.url}{parts.path}", data=form, follow_redirects=False)
        self.assertIn(answer.status_code, (302, 303), answer.text)
        back = urlsplit(answer.headers["location"])
        self.assertEqual(back.path, CALLBACK)
        return {name: values[0] for name, values in parse_qs(back.query).items()}

    def _back(self, values: dict[str, str]):
        return self.url_open(f"{CALLBACK}?{urlencode(values)}", allow_redirects=False)

    def test_happy_path(self):
        """The consent stores the seller and the sealed token, and the account works."""
        self.authenticate("amazon_manager", "amazon_manager")
        values = self._consent(self._start())
        answer = self._back(values)
        self.assertEqual(answer.status_code, 303, answer.text[:500])
        self.assertEqual(answer.headers["Referrer-Policy"], "no-referrer")
        self.assertNotIn(values["spapi_oauth_code"], answer.headers["Location"])
        self.env.invalidate_all()
        self.assertEqual((self.account.state, self.account.seller_id), ("connected", SELLER))
        self.assertTrue(self.account.has_refresh_token)
        self.assertEqual(self.account.action_test_connection()["params"]["type"], "success")
        # a state serves once
        self.assertEqual(self._back(values).status_code, 403)

    def _assert_refused(self, answer, status=403):
        self.assertEqual(answer.status_code, status)
        self.assertEqual(answer.headers["Referrer-Policy"], "no-referrer")
        self.assertIn("The account was not connected", answer.text)
        self.assertNotIn("Traceback", answer.text)
        self.env.invalidate_all()
        self.assertFalse(self.account.has_refresh_token)

    def test_wrong_state(self):
        self.authenticate("amazon_manager", "amazon_manager")
        values = self._consent(self._start())
        self._assert_refused(self._back({**values, "state": "guessed"}))
        self._assert_refused(self._back({key: value for key, value in values.items() if key != "state"}))

    def test_other_user(self):
        """A state is bound to the user who began."""
        self.authenticate("amazon_manager", "amazon_manager")
        values = self._consent(self._start())
        self.authenticate("amazon_colleague", "amazon_colleague")
        self._assert_refused(self._back(values))

    def test_expired(self):
        self.authenticate("amazon_manager", "amazon_manager")
        values = self._consent(self._start())
        self.env["spapi.oauth.state"].search([]).expires_at = fields.Datetime.now() - timedelta(seconds=1)
        self.env.flush_all()
        self._assert_refused(self._back(values))

    def test_without_right(self):
        self.authenticate("amazon_user", "amazon_user")
        answer = self.url_open(f"/amazon/spapi/oauth/start/{self.account.id}", allow_redirects=False)
        self._assert_refused(answer)
        self._assert_refused(self._back({"state": "x", "selling_partner_id": SELLER, "spapi_oauth_code": "y"}))

    def test_refused_by_the_seller(self):
        self.authenticate("amazon_manager", "amazon_manager")
        state = parse_qs(urlsplit(self._start()).query)["state"][0]
        self._assert_refused(self._back({"state": state, "error": "access_denied"}), 400)

    def test_code_that_amazon_does_not_accept(self):
        self.authenticate("amazon_manager", "amazon_manager")
        values = self._consent(self._start())
        self._assert_refused(self._back({**values, "spapi_oauth_code": "wrong"}), 400)
        self.assertTrue(self.account.last_error)

    def test_other_seller(self):
        """A consent given as another seller is not taken for this account."""
        self.account.seller_id = "A1ANOTHER"
        self.env.flush_all()
        self.authenticate("amazon_manager", "amazon_manager")
        self._assert_refused(self._back(self._consent(self._start())), 400)

    def test_seller_of_another_account(self):
        """A seller that another account has already is refused with a sentence, before its code is used up."""
        self._new_account(name="Twin")
        self.env.flush_all()
        self.authenticate("amazon_manager", "amazon_manager")
        answer = self._back(self._consent(self._start()))
        self._assert_refused(answer, 400)
        self.assertIn("connected already", answer.text)

    def test_state_is_stored_as_digest(self):
        self.authenticate("amazon_manager", "amazon_manager")
        state = parse_qs(urlsplit(self._start()).query)["state"][0]
        self.env.cr.execute("SELECT row_to_json(s)::text FROM spapi_oauth_state s")
        self.assertNotIn(state, str(self.env.cr.fetchall()))

    def test_request_log_hides_codes(self):
        """The request line of the callback is logged without code and state."""
        import logging

        query = "state=SECRETSTATE&spapi_oauth_code=SECRETCODE&x=1"
        line = f'"GET {CALLBACK}?{query} HTTP/1.1" 303 -'
        login = f'"GET /web/login?{urlencode({"redirect": f"{CALLBACK}?{query}"})} HTTP/1.1" 303 -'
        for record in (
            logging.LogRecord("werkzeug", 20, "", 0, line, (), None),
            logging.LogRecord("werkzeug", 20, "", 0, "%s", (line,), None),
            logging.LogRecord("werkzeug", 20, "", 0, "%s", (login,), None),
        ):
            HideCodes().filter(record)
            self.assertNotIn("SECRET", record.getMessage())
            self.assertRegex(record.getMessage(), "x(=|%3D)1")

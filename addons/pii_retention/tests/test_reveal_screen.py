import json

from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention import journal

from .common import OPERATIONAL, PERSON, VaultCase

REASON = "Parcel came back undelivered"


@tagged("post_install", "-at_install")
class TestRevealScreen(HttpCase, VaultCase):
    """The routes behind the card and the dialog, through HTTP, as the browser calls them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.care = new_test_user(cls.env, "vault_care", groups="pii_retention.group_customer_care")
        cls.approve_roles(cls.care)

    def setUp(self):
        super().setUp()
        self.last = None
        self.rows = []
        append = journal.append

        def noted(env, asked, purpose, outcome, **said):
            append(env, asked, purpose, outcome, **said)
            self.rows += [(subject.uuid, outcome, purpose, env.uid) for subject in asked]

        # a refused request rolls its cursor back, and in a test the log's own connection with it
        self.patch(journal, "append", noted)

    def logged(self, subject=None):
        """Return ``(outcome, purpose, user)`` of what was written into the log for the subject in this test."""
        return [row[1:] for row in self.rows if row[0] == (subject or self.subject).uuid]

    def ask(self, route, **params):
        """Return the result of a call; the whole answer stays in ``self.last``."""
        self.last = self.url_open(
            route,
            data=json.dumps({"jsonrpc": "2.0", "id": 1, "method": "call", "params": params}),
            headers={"Content-Type": "application/json"},
        )
        return self.last.json().get("result")

    def refused(self, route, **params):
        """Return the message of a refusal."""
        with mute_logger("odoo.http"):
            self.assertIsNone(self.ask(route, **params))
        return self.last.json()["error"]["data"]["message"]

    def on_partner(self, **params):
        return {"subject_id": self.subject.id, "model": "res.partner", "id": self.partner.id, **params}

    # === THE CARD === #

    def test_the_card_says_what_is_held_until_when_and_why_and_nothing_else(self):
        self.authenticate("vault_clerk", "vault_clerk")
        (card,) = self.ask("/pii/card", model="res.partner", id=self.partner.id)
        self.assertNoCanary(self.last.text, "card")
        self.assertEqual(card["pseudonym"], "Shop 402-1234567-0000001")
        self.assertEqual(card["deadline"], self.subject.deadline.isoformat())
        self.assertRegex(card["why"], r"^Until the end of .* \(.+\)\. 30 days after the order of ")
        self.assertEqual(len(card["held"]), 2)
        granted = {purpose["code"] for purpose in card["purposes"] if purpose["granted"]}
        self.assertEqual(granted, {"label", "invoice"})

    def test_a_record_without_protected_customer_has_no_card(self):
        self.authenticate("vault_clerk", "vault_clerk")
        self.assertEqual(self.ask("/pii/card", model="res.partner", id=self.company.partner_id.id), [])

    def test_who_may_not_read_the_record_gets_no_card(self):
        self.authenticate("vault_nobody", "vault_nobody")
        for model, record_id in (
            ("pii.access.log", 1),
            ("no.such.model", 1),
            ("base", 1),
            ("res.partner", 0),
            ("res.partner", "1"),
            ("ir.config_parameter", self.env["ir.config_parameter"].search([], limit=1).id),
        ):
            with self.subTest(model=model):
                self.assertIn("may not read", self.refused("/pii/card", model=model, id=record_id))

    def test_a_customer_of_the_portal_gets_neither_card_nor_values(self):
        new_test_user(self.env, "vault_portal", groups="base.group_portal")
        self.authenticate("vault_portal", "vault_portal")
        self.refused("/pii/card", model="res.partner", id=self.partner.id)
        self.refused("/pii/reveal", **self.on_partner(purpose="label", reason=REASON))
        self.assertEqual(self.logged()[-1][0], "refused")

    def test_an_erased_customer_offers_nothing(self):
        self.subject.sudo().write(self.env["pii.subject"]._erased_columns())
        self.authenticate("vault_clerk", "vault_clerk")
        (card,) = self.ask("/pii/card", model="res.partner", id=self.partner.id)
        self.assertEqual((card["state"], card["held"], card["purposes"]), ("erased", [], []))

    # === REVEAL === #

    def test_the_values_of_the_purpose_for_as_long_as_the_policy_says(self):
        self.company._pii_policy().reveal_seconds = 17
        self.authenticate("vault_clerk", "vault_clerk")
        answer = self.ask("/pii/reveal", **self.on_partner(purpose="label", reason=REASON))
        self.assertEqual(self.last.headers["Cache-Control"], "no-store")
        self.assertEqual(answer["seconds"], 17)
        shown = {row["key"]: row["value"] for row in answer["values"] if row["value"]}
        self.assertEqual(shown, OPERATIONAL)
        self.assertEqual({row["class"] for row in answer["values"]}, {"operational"})
        self.assertNotIn("DE811907980X", self.last.text, "the tax number is no part of a label")
        outcome, purpose, user_ref = self.logged()[-1]
        self.assertEqual((outcome, purpose, user_ref), ("opened", "label", self.clerk.id))

    def test_refusals_say_why_and_are_logged(self):
        self.authenticate("vault_clerk", "vault_clerk")
        for purpose, reason in (
            ("label", ""),
            ("label", "   "),
            ("label", None),
            ("label", ["a list", "of words"]),
            ("label", "parcel"),
            ("label", "parcel parcel"),
            ("customer_service", REASON),
            ("nonsense", REASON),
            ({"label": 1}, REASON),
            ("import_decision", REASON),
        ):
            with self.subTest(purpose=purpose, reason=reason):
                before = len(self.logged())
                self.assertTrue(self.refused("/pii/reveal", **self.on_partner(purpose=purpose, reason=reason)))
                self.assertNoCanary(self.last.text, "refusal")
                self.assertEqual([row[0] for row in self.logged()[before:]], ["refused"])

    def test_only_customers_of_a_record_that_the_user_may_read(self):
        other = self.seal("402-1234567-0000077")
        self.authenticate("vault_clerk", "vault_clerk")
        wrong = {"subject_id": other.id, "model": "res.partner", "id": self.partner.id}
        message = self.refused("/pii/reveal", **wrong, purpose="label", reason=REASON)
        self.assertIn("may read", message)
        self.assertEqual([row[0] for row in self.logged(other)], ["refused"])
        rule = self.env["ir.rule"].create(
            {
                "name": "not this contact",
                "model_id": self.env["ir.model"]._get("res.partner").id,
                "domain_force": f"[('id', '!=', {self.partner.id})]",
            }
        )
        self.env.flush_all()
        self.refused("/pii/reveal", **self.on_partner(purpose="label", reason=REASON))
        rule.unlink()
        self.env.flush_all()
        self.assertTrue(self.ask("/pii/reveal", **self.on_partner(purpose="label", reason=REASON))["values"])

    def test_erased_while_the_dialog_was_open(self):
        self.authenticate("vault_clerk", "vault_clerk")
        self.subject.sudo().write(self.env["pii.subject"]._erased_columns())
        answer = self.ask("/pii/reveal", **self.on_partner(purpose="label", reason=REASON))
        self.assertEqual(answer["values"], [])
        self.assertIn("erased", answer["message"])
        message = self.refused("/pii/correct", **self.on_partner(purpose="label", reason=REASON, values={"city": "Xu"}))
        self.assertIn("gone", message)
        gone = self.refused("/pii/reveal", **{**self.on_partner(purpose="label", reason=REASON), "subject_id": 2**30})
        self.assertIn("not in the vault", gone)

    def test_a_revoked_grant_closes_at_once(self):
        self.authenticate("vault_clerk", "vault_clerk")
        self.assertTrue(self.ask("/pii/reveal", **self.on_partner(purpose="label", reason=REASON))["values"])
        self.env["pii.grant"].search([("user_id", "=", self.clerk.id)]).state = "revoked"
        self.env.flush_all()
        self.refused("/pii/reveal", **self.on_partner(purpose="label", reason=REASON))

    def test_an_api_key_opens_nothing(self):
        key = self.env["res.users.apikeys"].with_user(self.clerk).sudo()._generate("rpc", "test", None)
        self.assertTrue(key)
        answer = self.url_open(
            "/pii/reveal",
            data=json.dumps({"params": self.on_partner(purpose="label", reason=REASON)}),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
            allow_redirects=False,
        )
        self.assertNoCanary(answer.text, "answer to an API key")
        self.assertNotIn("result", answer.json())

    # === CORRECTION === #

    def correct(self, **values):
        return self.ask("/pii/correct", **self.on_partner(purpose="label", reason=REASON, values=values))

    def opened(self, purpose, **extra):
        answer = self.ask("/pii/reveal", **self.on_partner(purpose=purpose, reason=REASON, **extra))
        return {row["key"]: row["value"] for row in answer["values"]}

    def test_a_correction_goes_into_the_vault_and_a_note_without_it_into_the_chatter(self):
        self.authenticate("vault_clerk", "vault_clerk")
        answer = self.correct(street="Neuxwaldgasse 8", name=PERSON["name"])
        self.assertEqual(answer, {"saved": ["Street"], "questions": []})
        self.assertEqual(self.opened("label")["street"], "Neuxwaldgasse 8")
        self.assertEqual(self.opened("invoice")["street"], PERSON["street"], "a label corrects no fiscal document")
        self.assertEqual([row[0] for row in self.logged()][:2], ["opened", "corrected"])
        note = self.partner.message_ids[0]
        self.assertIn("Street", note.body)
        self.assertEqual(note.author_id, self.clerk.partner_id)
        self.env.cr.execute("SELECT to_jsonb(m) FROM mail_message m WHERE id = %s", [note.id])
        self.assertNotIn("Neuxwaldgasse", str(self.env.cr.fetchone()))
        self.assertNoCanary(note.body, "note")

    def test_customer_care_corrects_both_classes(self):
        self.authenticate("vault_care", "vault_care")
        params = self.on_partner(purpose="customer_service", reason=REASON, values={"city": "Yxbrück", "vat": "DE0X"})
        self.assertEqual(self.ask("/pii/correct", **params)["saved"], ["City", "Tax ID"])
        self.authenticate("vault_clerk", "vault_clerk")
        self.assertEqual(self.opened("label")["city"], "Yxbrück")
        self.assertEqual(self.opened("invoice")["city"], "Yxbrück")

    def test_without_a_grant_nothing_is_corrected(self):
        self.authenticate("vault_nobody", "vault_nobody")
        before = len(self.logged())
        self.refused("/pii/correct", **self.on_partner(purpose="label", reason=REASON, values={"city": "Wrongx"}))
        self.assertEqual([row[0] for row in self.logged()[before:]], ["refused"])
        self.authenticate("vault_clerk", "vault_clerk")
        self.assertEqual(self.opened("label")["city"], PERSON["city"])

    def test_what_no_label_could_carry_is_refused_without_repeating_it(self):
        self.authenticate("vault_clerk", "vault_clerk")
        bad = [
            {"city": "Xan\nterburgh"},
            {"city": "Xanterburgh\x07"},
            {"city": "Xanterburgh\u202etxt"},
            {"city": "Xanterburgh\ud800"},
            {"city": "Xanterburgh" * 50},
            {"name": ""},
            {"name": " \n "},
            {"city": 7},
            {"city": ["Xanterburgh"]},
            {"vat": "Xanterburgh"},
            {"payload": "Xanterburgh"},
            {"customization": "Xanterburgh"},
            {"no_such_key": "Xanterburgh"},
            {},
            "Xanterburgh",
        ]
        for values in bad:
            with self.subTest(values=values):
                before = len(self.logged())
                self.refused("/pii/correct", **self.on_partner(purpose="label", reason=REASON, values=values))
                self.assertNotIn("Xanterburgh", self.last.text)
                self.assertEqual(len(self.logged()), before, "nothing was opened for it")
        self.assertEqual(self.opened("label")["city"], PERSON["city"])

    def test_a_doubtful_phone_number_is_asked_about_once(self):
        self.authenticate("vault_clerk", "vault_clerk")
        answer = self.correct(phone="12", email="nobody")
        self.assertEqual((answer["saved"], len(answer["questions"])), ([], 2))
        self.assertEqual(self.opened("label")["phone"], PERSON["phone"])
        params = self.on_partner(purpose="label", reason=REASON, values={"phone": "12"}, confirmed=True)
        self.assertEqual(self.ask("/pii/correct", **params)["saved"], ["Phone"])
        self.assertEqual(self.correct(phone="030 901820")["questions"], [], "a national number of the country")

    def test_a_value_is_emptied(self):
        self.authenticate("vault_clerk", "vault_clerk")
        self.assertEqual(self.correct(gift_text="", phone=" ")["saved"], ["Phone", "Gift message"])
        held = self.opened("label")
        self.assertEqual((held["gift_text"], held["phone"], held["name"]), ("", "", PERSON["name"]))
        with self.subject.with_user(self.clerk).reveal("label") as env:
            self.assertFalse(env["res.partner"].browse(self.partner.id).phone)
        self.seal(self.subject.reference)
        self.assertEqual(self.opened("label")["gift_text"], "", "a later delivery does not bring it back")

    def test_an_address_is_emptied_after_a_question_only(self):
        self.authenticate("vault_clerk", "vault_clerk")
        answer = self.correct(city="")
        self.assertEqual((answer["saved"], len(answer["questions"])), ([], 1))
        self.assertEqual(self.opened("label")["city"], PERSON["city"])
        params = self.on_partner(purpose="label", reason=REASON, values={"city": ""}, confirmed=True)
        self.assertEqual(self.ask("/pii/correct", **params)["saved"], ["City"])
        self.assertEqual(self.opened("label")["city"], "")

    def test_the_screen_knows_the_figures(self):
        self.company._pii_policy().reason_words = 4
        self.authenticate("vault_clerk", "vault_clerk")
        (card,) = self.ask("/pii/card", model="res.partner", id=self.partner.id)
        self.assertEqual(card["reason_words"], 4)
        answer = self.ask("/pii/reveal", **self.on_partner(purpose="label", reason="print the label now"))
        limits = {row["key"]: row["limit"] for row in answer["values"]}
        self.assertEqual((limits["zip"], limits["delivery_note"]), (24, 1000))

    def test_a_gift_message_keeps_its_lines(self):
        self.authenticate("vault_clerk", "vault_clerk")
        self.assertEqual(self.correct(gift_text="Zum Fest\r\nAlles Gute")["saved"], ["Gift message"])
        self.assertEqual(self.opened("label")["gift_text"], "Zum Fest\nAlles Gute")

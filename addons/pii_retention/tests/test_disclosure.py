import psycopg2
from dateutil.relativedelta import relativedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import PERSON, VaultCase


class DisclosureCase(VaultCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.auditor = new_test_user(cls.env, "vault_auditor", groups="pii_retention.group_auditor")
        cls.recipient = cls.register("Parcel Service")

    @classmethod
    def register(cls, name, **vals):
        """Register, assess and activate a recipient of labels, as an officer does it."""
        recipient = (
            cls.env["pii.recipient"]
            .with_user(cls.officer)
            .create(
                {
                    "name": name,
                    "kind": "carrier",
                    "agreement": "DPA 2026-07",
                    "country_id": cls.germany.id,
                    "scope_ids": [(0, 0, {"purpose": "label", "operational": True})],
                    **vals,
                }
            )
        )
        recipient.action_assess()
        recipient.action_activate()
        return recipient.with_env(cls.env)

    def ledger(self, subject=None):
        """Return the rows about the subject, read on a connection of their own."""
        with self.env.registry.cursor() as cr:
            cr.execute(
                """SELECT outcome, recipient_name, purpose, classes, document, user_ref, transfer
                     FROM pii_disclosure WHERE subject_uuid = %s ORDER BY id""",
                [(subject or self.subject).uuid],
            )
            return cr.fetchall()

    def send(self, recipient=None, subjects=None, purpose="label", document="WH/OUT/00001"):
        """Send as the clerk does; return what the recipient got."""
        recipient = self.recipient if recipient is None else recipient
        subjects = (self.subject if subjects is None else subjects).with_user(self.clerk)
        with recipient.with_user(self.clerk).disclose(subjects, purpose, document) as env:
            return env["res.partner"].browse(self.partner.id).name


@tagged("post_install", "-at_install")
class TestDisclosure(DisclosureCase):
    def setUp(self):
        super().setUp()
        self.before = len(self.ledger())
        self.logs = len(self.logged())

    def new_rows(self):
        return self.ledger()[self.before :]

    def assertRefused(self, text, **kwargs):
        self.before, self.logs = len(self.ledger()), len(self.logged())
        with self.assertRaisesRegex(UserError, text) as caught:
            self.send(**kwargs)
        self.assertNoCanary(caught.exception, "the refusal")
        self.assertEqual([row[0] for row in self.new_rows()], ["refused"])
        self.assertEqual(len(self.logged()), self.logs, "nothing was opened")

    def test_what_is_sent_is_in_the_ledger(self):
        self.assertEqual(self.send(), PERSON["name"])
        rows = self.new_rows()
        self.assertEqual(
            [row[:6] for row in rows],
            [("sent", "Parcel Service", "label", "operational", "WH/OUT/00001", self.clerk.id)],
        )
        self.assertEqual(self.logged()[self.logs :], [("opened", "label", self.clerk.id)])
        self.env.cr.execute("SELECT * FROM pii_disclosure")
        self.assertNoCanary(self.env.cr.fetchall(), "the ledger")

    def test_the_row_is_there_before_the_data_is(self):
        with self.recipient.with_user(self.clerk).disclose(self.subject.with_user(self.clerk), "label", "X"):
            self.assertEqual([row[0] for row in self.new_rows()], ["sent"])

    def test_without_a_row_nothing_is_opened(self):
        self.env.cr.execute("SAVEPOINT before")

        def full(*args, **kwargs):
            raise psycopg2.OperationalError("disk full")

        self.patch(type(self.env.registry), "cursor", full)
        with self.assertRaises(psycopg2.OperationalError):
            self.send()

    def test_a_failure_is_told_apart(self):
        with (
            self.assertRaises(UserError),
            self.recipient.with_user(self.clerk).disclose(self.subject.with_user(self.clerk), "label", "X") as env,
        ):
            raise UserError(f"unknown street {env['res.partner'].browse(self.partner.id).street}")
        rows = self.new_rows()
        self.assertEqual([row[0] for row in rows], ["sent", "failed"])
        self.assertEqual(len({row[6] for row in rows}), 1, "one transfer")

    def test_the_gates_refusal_is_in_the_ledger(self):
        with self.assertRaises(AccessError), self.acting(self.nobody):
            subject = self.subject.with_user(self.nobody)
            with self.recipient.with_user(self.nobody).disclose(subject, "label", "X"):
                self.fail("must not open")
        self.assertEqual([row[0] for row in self.new_rows()], ["sent", "refused"])

    def test_nobody_registered(self):
        self.assertRefused("Nobody is registered", recipient=self.env["pii.recipient"])

    def test_only_active_recipients(self):
        for state in ("draft", "suspended", "ended"):
            self.recipient.state = state
            self.assertRefused("not an active recipient")

    def test_the_assessment_is_of_the_last_twelve_months(self):
        today = fields.Date.today()
        oldest = today - relativedelta(months=12)
        if oldest + relativedelta(months=12) < today:  # on 29 February
            oldest += relativedelta(days=1)
        self.recipient.assessed_on = oldest
        self.send()
        self.recipient.assessed_on = oldest - relativedelta(days=1)
        self.assertRefused("older than 12 months")
        self.recipient.assessed_on = today + relativedelta(days=1)
        self.assertRefused("older than 12 months")
        self.company._pii_policy().assessment_months = 3
        self.recipient.assessed_on = today - relativedelta(months=4)
        self.assertRefused("older than 3 months")

    def test_only_what_is_registered(self):
        self.assertRefused("not registered to receive this", purpose="invoice")
        self.recipient.scope_ids = [(0, 0, {"purpose": "invoice", "operational": True})]
        self.assertRefused("fiscal", purpose="invoice")
        self.recipient.scope_ids.filtered(lambda line: line.purpose == "invoice").fiscal = True
        self.send(purpose="invoice")
        self.assertRefused("no such purpose", purpose="gossip")

    def test_of_another_company_nothing(self):
        other = self.env["res.company"].create({"name": "Other Vault"})
        foreign = self.seal("foreign", company_id=other.id)
        with self.assertRaisesRegex(UserError, "another company"):
            self.send(subjects=self.subject + foreign)
        self.assertEqual([row[0] for row in self.ledger(foreign)], ["refused"])
        self.recipient.company_id = False
        self.clerk.company_ids += other
        with self.assertRaises(AccessError):
            # the register allows it now, the clerk's role does not cover the other company
            self.send(subjects=self.subject + foreign)

    def test_the_ledger_takes_no_contact_data_from_a_reason(self):
        subject = self.subject.with_user(self.clerk)
        with self.recipient.with_user(self.clerk).disclose(subject, "label", "A\x00B\ud800", "label for my parcel"):
            pass
        with self.assertRaises(AccessError):
            with self.recipient.with_user(self.clerk).disclose(subject, "label", "X", "call +49 30 99887766 please"):
                pass
        with self.env.registry.cursor() as cr:
            cr.execute(
                "SELECT document, reason, outcome FROM pii_disclosure WHERE subject_uuid = %s ORDER BY id DESC LIMIT 3",
                [subject.uuid],
            )
            self.assertEqual(
                cr.fetchall(), [("X", None, "refused"), ("X", None, "sent"), ("AB?", "label for my parcel", "sent")]
            )

    def test_no_subject_no_row(self):
        with self.recipient.disclose(self.env["pii.subject"], "label", "X") as env:
            self.assertEqual(env, self.recipient.env)
        self.assertFalse(self.new_rows())

    def test_a_batch_is_one_transfer(self):
        others = self.env["pii.subject"].concat(*(self.seal(f"batch-{number}") for number in range(3)))
        self.send(subjects=self.subject + others)
        rows = [self.ledger(subject)[-1] for subject in self.subject + others]
        self.assertEqual({row[0] for row in rows}, {"sent"})
        self.assertEqual(len({row[6] for row in rows}), 1)

    # === THE LEDGER === #

    def row_of_this_snapshot(self):
        """Return a row that this test's own connection sees: those of sendings are committed beside it."""
        self.env.cr.execute(
            """INSERT INTO pii_disclosure (at, transfer, recipient_ref, company_ref, subject_uuid, user_ref, outcome)
               VALUES (now() at time zone 'UTC', 'x', %s, %s, %s, %s, 'sent') RETURNING id""",
            [self.recipient.id, self.company.id, self.subject.uuid, self.clerk.id],
        )
        return self.env["pii.disclosure"].sudo().browse(self.env.cr.fetchone()[0])

    def test_the_ledger_is_only_added_to(self):
        rows = self.row_of_this_snapshot()
        for act in (
            lambda: rows.write({"recipient_name": "x"}),
            rows.unlink,
            lambda: rows.create({"subject_uuid": "x", "transfer": "x", "user_ref": 1, "outcome": "sent"}),
        ):
            with self.assertRaises(UserError):
                act()
        for statement in (
            "UPDATE pii_disclosure SET outcome = 'refused'",
            "DELETE FROM pii_disclosure",
            "TRUNCATE pii_disclosure",
        ):
            with mute_logger("odoo.sql_db"), self.assertRaises(psycopg2.errors.InsufficientPrivilege):
                with self.env.cr.savepoint():
                    self.env.cr.execute(statement)

    def test_who_reads_what(self):
        row = self.row_of_this_snapshot()
        for user in (self.officer, self.auditor):
            self.assertIn(row, self.env["pii.disclosure"].with_user(user).search([]))
            row.with_user(user).read(["recipient_name", "user_id", "company_id"])
            self.recipient.with_user(user).read(["name", "assessment_due", "disclosure_count"])
            self.assertEqual(self.recipient.with_user(user).disclosure_count, 1)
        admin = self.env.ref("base.user_admin")
        for user, models in (
            (self.clerk, ("pii.disclosure", "pii.recipient", "pii.recipient.scope")),
            (self.nobody, ("pii.disclosure", "pii.recipient", "pii.recipient.scope")),
            # who manages the warehouse chooses a recipient on the delivery method
            (admin, ("pii.disclosure", "pii.recipient.scope")),
        ):
            for model in models:
                with self.assertRaises(AccessError):
                    self.env[model].with_user(user).search([])
        for act in (
            lambda: self.recipient.with_user(self.auditor).write({"name": "x"}),
            lambda: self.recipient.with_user(self.auditor).action_suspend(),
            lambda: self.recipient.with_user(self.auditor).action_assess(),
            lambda: self.recipient.scope_ids.with_user(self.auditor).write({"fiscal": True}),
        ):
            with self.assertRaises(AccessError):
                act()

    def test_another_companys_register_and_ledger_stay_hidden(self):
        other = self.env["res.company"].create({"name": "Other Vault"})
        stranger = new_test_user(
            self.env,
            "vault_stranger",
            groups="pii_retention.group_privacy_officer",
            company_id=other.id,
            company_ids=[(6, 0, other.ids)],
        )
        for record in (self.row_of_this_snapshot(), self.recipient, self.recipient.scope_ids):
            model = self.env[record._name]
            self.assertIn(record, model.with_user(self.officer).search([]))
            self.assertNotIn(record, model.with_user(stranger).search([]))

    # === THE REGISTER === #

    def test_an_assessment_needs_something_to_assess(self):
        recipient = self.env["pii.recipient"].with_user(self.officer).create({"name": "Empty", "kind": "processor"})
        with self.assertRaisesRegex(UserError, "under which agreement"):
            recipient.action_assess()
        with self.assertRaisesRegex(UserError, "Assess"):
            recipient.action_activate()
        with mute_logger("odoo.sql_db"), self.assertRaises(psycopg2.errors.CheckViolation), self.env.cr.savepoint():
            recipient.sudo().state = "active"
            self.env.flush_all()

    def test_a_line_of_the_scope_says_something(self):
        with self.assertRaises(ValidationError):
            self.recipient.scope_ids = [(0, 0, {"purpose": "incident"})]

    def test_changes_of_the_scope_are_told(self):
        self.recipient.scope_ids.fiscal = True
        self.assertIn("fiscal", self.recipient.message_ids[0].body)
        self.recipient.scope_ids.unlink()
        self.assertIn("Removed", self.recipient.message_ids[0].body)

    def test_officers_are_reminded_once(self):
        self.env["pii.recipient"].search([]).write({"state": "suspended"})
        self.recipient.state = "active"
        recipient = self.recipient

        def asked():
            return recipient.activity_ids.user_id

        self.env["pii.recipient"]._cron_remind_assessments()
        self.assertFalse(asked())
        recipient.assessed_on = fields.Date.today() - relativedelta(months=11, days=10)
        self.env["pii.recipient"]._cron_remind_assessments()
        self.assertIn(self.officer, asked())
        count = len(recipient.activity_ids)
        self.env["pii.recipient"]._cron_remind_assessments()
        self.assertEqual(len(recipient.activity_ids), count)
        self.assertEqual(set(recipient.activity_ids.mapped("date_deadline")), {recipient.assessment_due})
        recipient.with_user(self.officer).action_assess()
        self.assertFalse(asked())
        self.assertEqual(recipient.assessed_on, fields.Date.today())

    def test_who_is_in_the_ledger_stays_in_the_register(self):
        unused = self.register("Unused Carrier")
        self.row_of_this_snapshot()
        with self.assertRaisesRegex(UserError, "end it instead"):
            self.recipient.with_user(self.officer).unlink()
        other = self.env["res.company"].create({"name": "Other Vault"})
        with self.assertRaisesRegex(ValidationError, "another company"):
            self.recipient.company_id = other
        unused.with_user(self.officer).unlink()

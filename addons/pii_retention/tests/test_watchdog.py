from datetime import timedelta
from unittest.mock import patch

from odoo import fields, tools
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention import alarms, watchdog

from .common import PERSON
from .test_proof_intake import ALARMS, IntakeCase


class WatchCase(IntakeCase):
    def setUp(self):
        super().setUp()
        watchdog._looked.clear()
        self.patch(watchdog, "_since", self.start - timedelta(days=1))
        for job in watchdog.jobs(self.env):
            self.sql(
                "UPDATE ir_cron SET active = true, failure_count = 0, lastcall = %s, nextcall = %s WHERE id = %s",
                self.start,
                self.start + timedelta(hours=1),
                self.env.ref(job.xmlid).id,
            )

    def jobs(self):
        return [
            job.xmlid.partition(".")[2] for job in watchdog.jobs(self.env) if job.xmlid.startswith("pii_retention.")
        ]

    def cron(self, name):
        return self.env.ref(f"pii_retention.{name}")

    def plan(self, name, **columns):
        """Write columns of a scheduled action, as its own machinery does."""
        pairs = ", ".join(f"{column} = %s" for column in columns)
        self.sql(f"UPDATE ir_cron SET {pairs} WHERE id = %s", *columns.values(), self.cron(name).id)  # noqa: S608

    def causes(self):
        return [found.cause for found in watchdog.findings(self.env)]

    def alerts(self, cause):
        return self.env["pii.alert"].search([("cause", "=", cause)])


@tagged("post_install", "-at_install")
class TestWatchdog(WatchCase):
    """Each way in which scheduled work stands still, by itself."""

    def test_all_is_well(self):
        self.assertEqual(self.causes(), [])
        with self.told():
            self.assertEqual(watchdog.look(self.env), [])

    def test_every_job_and_every_way(self):
        tried = 0
        for name in self.jobs():
            ways = {
                "disabled": lambda name=name: self.plan(name, active=False),
                "failing": lambda name=name: self.plan(name, failure_count=3, first_failure_date=self.start),
                "late": lambda name=name: self.plan(name, nextcall=self.start - timedelta(hours=4)),
                "postponed": lambda name=name: self.plan(name, nextcall=self.start + timedelta(days=3)),
                "changed": lambda name=name: self.sql(
                    "UPDATE ir_act_server SET code = 'pass' WHERE id = %s", self.cron(name).ir_actions_server_id.id
                ),
                # a method of the same name is not the same work
                "changed ": lambda name=name: self.sql(
                    "UPDATE ir_act_server SET model_id = %s WHERE id = %s",
                    self.env["ir.model"]._get_id("res.partner"),
                    self.cron(name).ir_actions_server_id.id,
                ),
                "deleted": lambda name=name: self.cron(name).unlink(),
            }
            for way, do in ways.items():
                with self.subTest(job=name, way=way), self.env.cr.savepoint() as savepoint:
                    do()
                    self.assertEqual(self.causes(), [f"pii_retention_{name}_{way.strip()}"])
                    tried += 1
                    self.env.flush_all()
                    savepoint.rollback()
                    self.env.invalidate_all()
        print(f"\nFIGURE watchdog_ways_noticed {tried} ways ={7 * len(self.jobs())}")
        self.assertEqual(tried, 7 * len(self.jobs()))

    def test_every_scheduled_action_of_the_vault_is_watched(self):
        watched = {job.xmlid for job in watchdog.jobs(self.env)}
        known = self.env["ir.model.data"].search([("model", "=", "ir.cron")])
        of_the_vault = {name for name in known.mapped("complete_name") if name.startswith("pii_retention")}
        # what printers say of their jobs is no protection of anybody
        self.assertEqual(of_the_vault - {"pii_retention_print.ir_cron_poll"}, watched)
        self.assertGreaterEqual(len(watched), 15)

    def test_the_operators_scheduler_asks_at_once(self):
        """A process that is started for one look cannot wait to see what is late."""
        self.plan("cron_proof", nextcall=self.start - timedelta(hours=4))
        self.patch(watchdog, "_since", self.start)
        self.assertEqual(self.causes(), [])
        watchdog.was_always_there()
        self.assertEqual(self.causes(), ["pii_retention_cron_proof_late"])
        with self.told("pii_retention_cron_proof_late"):
            (found,) = watchdog.look(self.env)
        self.assertIn("max_cron_threads", found.text)

    def test_whoever_opens_odoo_is_not_disturbed(self):
        with (
            patch.object(watchdog, "look", side_effect=ValueError("broken")),
            self.enter_registry_test_mode(),
            self.assertLogs("odoo.addons.pii_retention.watchdog", "ERROR"),
        ):
            watchdog.look_in_passing(self.env)

    def test_an_interval_that_is_too_long(self):
        self.plan("cron_proof", interval_number=3, interval_type="months")
        self.assertEqual(self.causes(), ["pii_retention_cron_proof_postponed"])

    def test_after_a_pause_of_the_server_the_jobs_have_their_turn(self):
        self.plan("cron_proof", nextcall=self.start - timedelta(hours=4))
        self.patch(watchdog, "_since", self.start)
        self.assertEqual(self.causes(), [])
        with self.at(hours=3):
            self.assertEqual(self.causes(), ["pii_retention_cron_proof_late"])

    def test_a_hiccup_is_no_alarm(self):
        self.plan("cron_proof", failure_count=1, first_failure_date=self.start)
        self.assertEqual(self.causes(), [])
        with self.at(hours=1):
            self.assertEqual(self.causes(), ["pii_retention_cron_proof_failing"])

    def test_its_own_job_is_watched_by_people_and_intakes(self):
        """With all scheduled work dead, whoever opens Odoo carries the watch, at most once an hour."""
        for name in self.jobs():
            self.plan(name, active=False)
        with self.told("many_disabled"):
            watchdog.look_in_passing(self.env)
        text = self.alerts("many_disabled").detail
        for job in watchdog.jobs(self.env):
            self.assertEqual(job.label in text, job.xmlid.startswith("pii_retention."), job.xmlid)
        self.env["pii.alert"].search([]).unlink()
        with self.told():
            watchdog.look_in_passing(self.env)

    def mails(self, action):
        """Return the mails that ``action`` queues, whatever would send them."""
        before = self.env["mail.mail"].search([])
        with patch.object(type(before), "send_after_commit"), patch.object(type(before), "send"):
            action()
        return self.env["mail.mail"].search([]) - before

    def alarm(self):
        with mute_logger(ALARMS):
            alarms.raise_alarm(self.env, "watch", "test", self.company, "The purge stands still.")

    def addressed(self, mails):
        return {
            email.lower()
            for mail in mails
            for email in tools.mail.email_split(
                f"{mail.email_to or ''}, {', '.join(mail.recipient_ids.mapped('email'))}"
            )
        }

    def test_an_alarm_reaches_officers_by_mail_whatever_they_prefer(self):
        officers = self.officer | self.second
        officers.partner_id.email = False
        self.officer.write({"email": "first@staff.example.com", "notification_type": "inbox"})
        self.second.write({"email": "second@staff.example.com", "notification_type": "email"})
        mails = self.mails(self.alarm)
        self.assertEqual(self.addressed(mails) & set(officers.mapped("email")), set(officers.mapped("email")))
        self.assertIn("The purge stands still.", "".join(mails.mapped(lambda mail: str(mail.body_html))))

    def test_an_alarm_never_reaches_nobody(self):
        """Without an officer of the company the others are told, then the auditors, at last the administrators."""
        alerts = self.env["pii.alert"]
        everybody = self.env.ref("pii_retention.group_privacy_officer").all_user_ids
        other = self.env["res.company"].create({"name": "Other"})
        alert = alerts.create({"name": "x", "kind": "watch", "company_id": other.id})
        self.assertTrue(alert._recipients() <= everybody and alert._recipients())
        everybody.active = False
        auditors = self.env.ref("pii_retention.group_auditor").all_user_ids
        auditors.active = False
        auditor = new_test_user(self.env, "watch_auditor", groups="pii_retention.group_auditor")
        self.assertEqual(alert._recipients(), auditor)
        auditor.active = False
        self.assertFalse(alert._recipients())
        admin = self.env.ref("base.user_admin")
        admin.write({"active": True, "email": "admin@staff.example.com"})
        mails = self.mails(self.alarm)
        self.assertIn("admin@staff.example.com", self.addressed(mails))
        self.assertIn("appoint one", str(mails[:1].body_html))

    def test_officers_see_it_on_every_screen(self):
        banner = self.env["pii.proof"].with_user(self.officer).pii_standing
        self.assertEqual(banner(), [])
        with self.at(hours=26):
            (line,) = banner()
            self.assertIn("26 hours", line["text"])
            self.assertEqual(self.env["pii.proof"].with_user(self.clerk).pii_standing(), [])
            self.assertNotIn(PERSON["name"], str(line))


@tagged("post_install", "-at_install")
class TestProofJobDies(WatchCase):
    """Four ways: the job that proves fails, hangs, is switched off, or lies. Each is told within a day."""

    def assertToldWithinADay(self, cause):
        """Hour by hour the watch runs as planned; return the hour of the alarm. The intake stops by then, too."""
        for hour in range(1, 25):
            with self.at(hours=hour, seconds=30), self.enter_registry_test_mode(), mute_logger(ALARMS):
                self.plan("cron_watch", nextcall=self.start + timedelta(hours=hour + 1))
                self.env["pii.proof"]._cron_watch()
                if alert := self.alerts(cause):
                    self.assertEqual(len(alert), 1)
                    self.assertEqual(alert.activity_ids.user_id & self.officer, self.officer)
                    return hour
        raise AssertionError(f"nobody was told of {cause} within a day")

    def assertIntakeStops(self):
        with self.at(hours=24, seconds=30), self.enter_registry_test_mode(), mute_logger(ALARMS):
            self.refused(self.seal, "402-1234567-0000009")

    def test_failing(self):
        self.plan("cron_proof", failure_count=1, first_failure_date=self.start)
        hour = self.assertToldWithinADay("pii_retention_cron_proof_failing")
        self.assertIntakeStops()
        print(f"\nFIGURE watchdog_failing_told_after {hour} hours <=24")

    def test_slow(self):
        """It began on time and has not ended: its place in the plan stays in the past."""
        self.plan("cron_proof", nextcall=self.start)
        hour = self.assertToldWithinADay("pii_retention_cron_proof_late")
        self.assertIntakeStops()
        print(f"\nFIGURE watchdog_slow_told_after {hour} hours <=24")

    def test_disabled(self):
        self.plan("cron_proof", active=False)
        hour = self.assertToldWithinADay("pii_retention_cron_proof_disabled")
        self.assertIntakeStops()
        print(f"\nFIGURE watchdog_disabled_told_after {hour} hours <=24")

    def test_lying(self):
        """It runs on time, says that all is done, and writes rows that say so: no seal, no proof."""
        for hour in range(0, 25, 6):
            self.sql(
                """INSERT INTO pii_proof (company_id, number, at, day, user_ref, looked, found, result, seal)
                   VALUES (%s, 1000, %s, %s, 1, 1000, 0, 'clean', repeat('0', 64))""",
                self.company.id,
                self.start + timedelta(hours=hour),
                fields.Date.to_string(self.start),
            )
        self.plan("cron_proof", nextcall=self.start + timedelta(hours=20))
        hour = self.assertToldWithinADay("proof_forged")
        self.assertIntakeStops()
        print(f"\nFIGURE watchdog_lying_told_after {hour} hours <=24")


@tagged("post_install", "-at_install")
class TestPurgeJobDies(WatchCase):
    """The purge fails, hangs, is switched off, or lies: told within a day, and the intake stops."""

    def setUp(self):
        super().setUp()
        self.relax(tz="UTC")
        self.start = fields.Datetime.to_datetime(self.subject.deadline)
        self.clean_until_its_day()

    def clean_until_its_day(self):
        with self.at(hours=-2):
            self.assertEqual(self.press().result, "clean")
        for name in self.jobs():
            self.plan(name, lastcall=self.start, nextcall=self.start + timedelta(hours=1))

    def assertNoticed(self, cause, **columns):
        """Live through the day with everything else working as planned; return the hour of the alarm."""
        noticed = None
        for hour in range(25):
            with self.at(hours=hour, seconds=30), self.enter_registry_test_mode(), mute_logger(ALARMS):
                # those of the other addons too: many that are late are one alarm
                for job in watchdog.jobs(self.env):
                    planned = self.start + timedelta(hours=hour + 1)
                    self.sql("UPDATE ir_cron SET nextcall = %s WHERE id = %s", planned, self.env.ref(job.xmlid).id)
                if columns:
                    self.plan("cron_purge", **columns)
                if hour and hour % 6 == 0:
                    self.env["pii.proof"]._cron_proof()
                self.env["pii.proof"]._cron_watch()
                if noticed is None and (alert := self.alerts(cause)):
                    self.assertEqual(alert.activity_ids.user_id & self.officer, self.officer)
                    noticed = hour
        self.assertIsNotNone(noticed, "nobody was told within a day")
        self.assertEqual(len(self.alerts(cause)), 1)
        with self.at(hours=24, seconds=40), self.enter_registry_test_mode(), mute_logger(ALARMS):
            self.assertIn("Check again", self.refused(self.seal, "402-1234567-0000009"))
        return noticed

    def test_failing(self):
        hour = self.assertNoticed("pii_retention_cron_purge_failing", failure_count=1, first_failure_date=self.start)
        print(f"\nFIGURE watchdog_failing_purge_told_after {hour} hours <=24")

    def test_slow(self):
        """It has begun on time and has not ended."""
        hour = self.assertNoticed("pii_retention_cron_purge_late", nextcall=self.start)
        print(f"\nFIGURE watchdog_slow_purge_told_after {hour} hours <=24")

    def test_disabled(self):
        hour = self.assertNoticed("pii_retention_cron_purge_disabled", active=False)
        print(f"\nFIGURE watchdog_disabled_purge_told_after {hour} hours <=24")

    def test_lying(self):
        """Its action runs every hour and its runs say that all is done; the rows and the key are still there."""
        self.sql(
            """INSERT INTO pii_purge_run (company_id, day, state, step, subject_count, operator, started_on,
                                        finished_on)
               VALUES (%s, %s, 'done', 'done', 1, 'service', %s, %s)""",
            self.company.id,
            self.subject.deadline,
            self.start,
            self.start + timedelta(minutes=1),
        )
        hour = self.assertNoticed("proof_found")
        made = self.env["pii.proof"].search([("company_id", "=", self.company.id)], limit=1)
        self.assertEqual(
            {line.code for line in made.line_ids if line.found},
            {"subject_expired_values", "subject_expired_live", "key_expired"},
        )
        print(f"\nFIGURE watchdog_lying_purge_told_after {hour} hours <=24")

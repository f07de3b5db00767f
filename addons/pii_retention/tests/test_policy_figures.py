import re
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch
from uuid import uuid4

from dateutil.relativedelta import relativedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention import duties, keys, proof, purge_day, purging, reasons, rotation
from odoo.addons.pii_retention.crypto import day_key_id
from odoo.addons.pii_retention.figures import CATALOGUE

from .figure_cases import ELSEWHERE, UNUSED
from .test_duties import SECOND, START, DutyCase

ADDONS = Path(__file__).parents[2]


@tagged("post_install", "-at_install")
class TestFigures(DutyCase):
    """Every figure of the policy is tried one second, or one step, before and after."""

    def edge(self, figure, happens, edge):
        """Assert that something has not happened one second before ``edge``, and has at it."""
        for moment, expected in ((edge - SECOND, False), (edge, True)):
            with self.subTest(figure=figure, moment=moment), self.at(moment):
                self.assertEqual(bool(happens()), expected)

    # === COMPLETENESS === #

    def test_every_figure_has_a_case(self):
        here = {name.removeprefix("case_") for name in dir(self) if name.startswith("case_")}
        there = set(ELSEWHERE)
        self.assertFalse(here & there | here & UNUSED | there & UNUSED, "one place for each")
        self.assertEqual(CATALOGUE.keys() - here - there - UNUSED, set(), "no figure is left without a case")
        self.assertEqual((here | there | UNUSED) - CATALOGUE.keys(), set(), "no case is left without a figure")
        for name, place in ELSEWHERE.items():
            addon, _, test = place.partition("::")
            found = [
                path for path in (ADDONS / addon / "tests").glob("test_*.py") if f"def {test}(" in path.read_text()
            ]
            self.assertTrue(found, f"{name}: there is no {place}")
        self.assertEqual(self.used() & UNUSED, set(), "a figure that something asks for has a case")
        print(f"\nFIGURE policy_figures_exercised {len(here) + len(there)} figures")

    def used(self):
        """Return the figures that a module (no test, no definition) names in quotes."""
        found = set()
        for path in ADDONS.rglob("*.py"):
            parts = path.relative_to(ADDONS).parts
            if "tests" in parts or "figures" in parts or path.name.startswith("pii_policy"):
                continue
            found |= set(re.findall(r"[\"'\.]([a-z_]+)\b", path.read_text())) & CATALOGUE.keys()
        return found

    def test_each(self):
        for name in sorted(dir(self)):
            if name.startswith("case_"):
                with self.subTest(figure=name), self.env.cr.savepoint() as savepoint:
                    getattr(self, name)()
                    savepoint.rollback()
                self.env.registry.clear_cache()

    # === DUTIES === #

    def of_duty(self, code):
        figure = duties.DUTIES[code].figure
        unit, value = figure.rsplit("_", 1)[1], CATALOGUE[figure].strict
        self.assertEqual(self.company._pii_figure(figure), value)
        duty = self.begin(code, subject="case") if not duties.DUTIES[code].recurring else self.begin(code)
        edge = START + (relativedelta(months=value) if unit == "months" else timedelta(**{unit: value}))
        self.edge(figure, lambda: duty.state == "overdue", edge)
        return duty, edge

    def case_log_review_days(self):
        self.of_duty("log_review")

    def case_inventory_months(self):
        self.of_duty("inventory")

    def case_plan_review_months(self):
        self.of_duty("plan_review")

    def case_scan_days(self):
        self.of_duty("scan")

    def case_pentest_days(self):
        self.of_duty("pentest")

    def case_amazon_notice_hours(self):
        self.of_duty("amazon_notice")

    def case_authority_notice_hours(self):
        self.of_duty("authority_notice")

    def case_fix_hours(self):
        self.of_duty("fix")

    def case_books_months(self):
        duty, edge = self.of_duty("books")
        with self.at(edge - SECOND), self.assertRaises(UserError), self.env.cr.savepoint():
            self.sign(duty)
        with self.at(edge):
            self.sign(duty)
        self.assertTrue(duty.done_at)

    def case_duty_warning_days(self):
        duty = self.begin("pentest")
        self.edge("duty_warning_days", lambda: duty.state == "soon", START + timedelta(days=365 - 14))

    def case_leaver_alarm_hours(self):
        user = new_test_user(self.env, "figure_leaver", groups="pii_retention.group_fulfilment")
        duty = self.begin("leaver", leaver_id=user.id)

        def alarm():
            self.duties._cron_clocks()
            return self.alarms(duty)

        self.edge("leaver_alarm_hours", alarm, START + timedelta(hours=24))

    # === GRANTS === #

    def granted(self, kind, purpose="label"):
        """Return a grant whose approval at ``START`` has cut it to the longest that the policy allows."""
        user = new_test_user(self.env, f"figure_{kind}", groups="base.group_user")
        with self.at(START):
            grant = self.env["pii.grant"].create(
                {
                    "user_id": user.id,
                    "requested_by_id": self.env.ref("base.user_admin").id,
                    "purpose": purpose,
                    "kind": kind,
                    "reason": "a case of a figure",
                    "date_start": START,
                    "date_end": START + timedelta(days=999),
                }
            )
            return self.approve(grant)

    def case_grant_standing_days(self):
        grant = self.granted("standing")
        self.edge("grant_standing_days", lambda: not grant.is_live, START + timedelta(days=90))

    def case_grant_temporary_hours(self):
        grant = self.granted("temporary")
        self.edge("grant_temporary_hours", lambda: not grant.is_live, START + timedelta(hours=24))

    def case_grant_warning_days(self):
        grant = self.granted("standing")

        def warned():
            self.env["pii.grant"]._cron_lapse()
            return grant.activity_search(["pii_retention.activity_renew"])

        self.edge("grant_warning_days", warned, START + timedelta(days=90 - 14))

    def broken_glass(self, subjects):
        with self.at(START), self.acting(self.clerk):
            answer = subjects.with_user(self.clerk).break_glass("incident", "parcel reported stolen")
        return self.env["pii.grant"].browse(answer["grant_id"])

    def case_break_glass_minutes(self):
        grant = self.broken_glass(self.subject)
        self.edge("break_glass_minutes", lambda: not grant.is_live, START + timedelta(minutes=60))

    def case_review_hours(self):
        grant = self.broken_glass(self.subject)

        def escalated():
            self.env["pii.grant"]._cron_lapse()
            return grant.escalated_at

        # so much time is allowed: the alarm comes when it is over
        self.edge("review_hours", escalated, START + timedelta(hours=24) + SECOND)

    def case_break_glass_subjects(self):
        subjects = self.env["pii.subject"]
        for number in range(11):
            subjects |= self.seal(f"402-7777777-{number:07}")
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self.broken_glass(subjects)
        self.assertTrue(self.broken_glass(subjects[:10]).is_live is not None)

    def case_reason_words(self):
        least = self.company._pii_figure("reason_words")
        self.assertEqual(least, 2)
        self.assertTrue(reasons.fault(self.env, "stolen", least))
        self.assertFalse(reasons.fault(self.env, "stolen parcel", least))

    # === RETENTION === #

    def case_open_days(self):
        """An order that nobody ships is kept on by the daily round, and no longer than that."""
        self.relax(tz="UTC")
        self.assertEqual(self.company._pii_figure("open_days"), 90)
        day = START.date()
        with self.at(START):
            subject = self.seal("402-8888888-0000001", start=day, open=True)
        for passed, kept in ((20, 50), (45, 75), (70, 100), (89, 119), (90, 120), (91, 120), (119, 120)):
            with self.subTest(passed=passed), self.at(START + timedelta(days=passed)):
                self.env.flush_all()
                with self.enter_registry_test_mode(), self.env.registry.cursor() as cr:
                    self.env(cr=cr)["pii.subject"]._cron_clock()
                self.env.invalidate_all()
                self.assertEqual(subject.deadline, day + timedelta(days=kept))
        midnight = datetime.combine(day + timedelta(days=120), datetime.min.time())
        self.edge("open_days", lambda: not self.opens(subject), midnight)

    def opens(self, subject):
        self.grant(self.clerk, "invoice")
        try:
            with self.acting(self.clerk), subject.with_user(self.clerk).sudo(False).reveal("invoice"):
                return True
        except AccessError:
            return False

    def case_cancelled_hours(self):
        key_id = day_key_id(self.company._pii_domain(), self.subject.deadline)
        with self.at(START):
            rotation.queue(self.env, key_id, "cancelled")

        def found():
            made = proof.run(self.env, alarm=False).filtered(lambda one: one.company_id == self.company)
            return made.line_ids.filtered(lambda line: line.code == "rotation_overdue").found

        # so much time is allowed: the proof finds it when that is over, and the intake stops
        self.edge("cancelled_hours", found, START + timedelta(hours=24) + SECOND)

    def case_encryption_bits(self):
        keyring = keys.keyring(self.env)
        key_id = keyring.ensure(day_key_id(self.company._pii_domain(), self.subject.deadline))
        secret = keyring.subject_key(key_id, self.subject.uuid, "operational")
        self.assertEqual(len(secret.expose()) * 8, CATALOGUE["encryption_bits"].strict)

    def case_purge_jump_days(self):
        """The last purge ended three days before midnight: in the second before, two days have passed."""
        self.relax(tz="UTC")
        company, day = self.company.sudo(), START.date() + timedelta(days=400)
        company.pii_domain = str(uuid4())  # destroyed keys stay destroyed
        keys.keyring(self.env).ensure(day_key_id(company.pii_domain, day - timedelta(days=1)))
        purge_day.passed(self.env, company, day - timedelta(days=3))
        midnight = datetime.combine(day, datetime.min.time())
        for moment, state in ((midnight, "refused"), (midnight - SECOND, "done")):
            with (
                self.subTest(moment=moment),
                self.at(moment),
                self.acting(None),
                patch.object(purging, "_vacuum"),
                mute_logger("odoo.addons.pii_retention.purging"),
            ):
                self.assertEqual(purging.purge(self.env(su=True), company).state, state)

    # === RECIPIENTS === #

    def case_assessment_months(self):
        with self.at(START):
            recipient = self.env["pii.recipient"].create(
                {
                    "name": "Case Parcels",
                    "kind": "carrier",
                    "country_id": self.germany.id,
                    "agreement": "DPA 1",
                    "scope_ids": [fields.Command.create({"purpose": "label", "operational": True})],
                }
            )
            recipient.action_assess()
            recipient.action_activate()
        last = fields.Datetime.to_datetime(START.date() + relativedelta(months=12)) + timedelta(days=1)
        self.edge("assessment_months", lambda: recipient.is_overdue, last)

"""The clock against a simulation: random lives on the real records, keys and files of the vault.

After each step what a dump of that moment would need is written down: the keys that everything sealed names. At the end
the key store says when each of them died.
"""

import random
from datetime import UTC, date, datetime, timedelta

from odoo.tests import tagged

from odoo.addons.pii_retention import clock, files, keys, moving
from odoo.addons.pii_retention.indexing import SEPARATOR

from .test_hold import HoldCase

START = date(2031, 3, 10)
SEQUENCES = 200
TOGETHER = 100


class Life:
    """One subject of the vault and what must hold for it."""

    def __init__(self, subject, created):
        self.subject, self.hold = subject, None
        self.facts = clock.Facts(created=created)
        self.dumps = {}  # key id -> (when the dump was taken, the deadline that it was promised)
        self.shortened = []  # (when, new deadline, the keys of all dumps so far)


@tagged("post_install", "-at_install")
class TestClockSequences(HoldCase):
    def test_no_dump_of_real_records_outlives_its_deadline(self):
        counted = {"sequences": 0, "dumps": 0, "erased": 0, "held": 0, "shortened": 0}
        self.chance = random.Random(20310310)
        self.relax(retention_days=8)
        self.env["pii.policy.change"].sudo()._tighten(self.company, "open_days", 9)
        for group in range(SEQUENCES // TOGETHER):
            # far enough apart that no key of one group matters to the next
            self.run_group(group, START + timedelta(days=40 * group), counted)
        print(f"FIGURE clock_real_sequences {counted['sequences']} sequences >=200")
        print(f"FIGURE clock_real_dumps {counted['dumps']} keys")
        self.assertEqual(counted["sequences"], SEQUENCES)
        self.assertTrue(min(counted.values()) > 10, counted)

    def run_group(self, group, start, counted):
        self.died = {}
        lives = []
        for days in range(26):
            today = start + timedelta(days)
            moment = datetime.combine(today, datetime.min.time(), UTC) + timedelta(hours=9)
            with self.at(moment):
                self.begin_day(lives, today)
                if days == 0:
                    for number in range(TOGETHER):
                        subject = self.new(f"life-{group}-{number}", today)
                        if number % 5 == 0:
                            subject._partner()
                            self.env["ir.attachment"].create(
                                {"name": "a", "raw": b"Uxbol", "res_model": "pii.subject", "res_id": subject.id}
                            )
                        lives.append(Life(subject, today))
                for life in lives:
                    self.step(life, today, counted)
                self.env.flush_all()
                for life in lives:
                    self.check(life, today, counted)
        # an order that was held beyond its time and shipped on the last day is kept from then on
        for days in range(26, 37):
            today = start + timedelta(days)
            with self.at(datetime.combine(today, datetime.min.time(), UTC) + timedelta(hours=9)):
                for life in lives:
                    if life.hold:
                        self.lift(life)
                self.begin_day(lives, today)
        alive = self.env["pii.subject"].sudo().browse([life.subject.id for life in lives])
        left = alive.filtered(lambda subject: subject.state != "erased")
        self.assertFalse(left, [(one.deadline, one.deadline_rule, one._clock_facts()) for one in left])
        for life in lives:
            counted["sequences"] += 1
            counted["dumps"] += len(life.dumps)
            for key_id, (_taken, promised) in life.dumps.items():
                self.assertLessEqual(self.died.get(key_id, date.max), promised, "a dump outlives its deadline")
            for moved, earlier, needed in life.shortened:
                for key_id in needed:
                    limit = max(moved + timedelta(days=1), earlier)
                    self.assertLessEqual(self.died.get(key_id, date.max), limit, "… a deadline that became earlier")

    # === STEPS === #

    def begin_day(self, lives, today):
        """Let the daily runs come, the purge first; note which keys it has destroyed."""
        Subject, keyring = self.env["pii.subject"].sudo(), keys.keyring(self.env)
        self.pass_midnight()
        for key_id in {key_id for life in lives for key_id in life.dumps} - self.died.keys():
            if keyring.destroyed(key_id):
                self.died[key_id] = today
        for life in lives:
            if life.subject.state == "live" and life.subject.is_open and life.subject.open_on < today:
                if today <= life.facts.created + timedelta(days=9):
                    life.facts = life.facts.merged(clock.Facts(open=today))
        last = 0
        while found := Subject._clock_open(self.company, last):
            moving.settle(found)
            last = found[-1:].id

    def lift(self, life):
        with self.acting(self.officer):
            life.hold.with_user(self.officer).action_lift()
        life.hold = None

    def step(self, life, today, counted):
        subject = life.subject
        if subject.state != "live" or self.chance.random() > 0.3:
            return
        before = subject.deadline
        if self.chance.random() < 0.25:
            if life.hold:
                self.lift(life)
            else:
                life.hold = self.approve_hold(
                    self.request(references=subject.reference, date_end=today + timedelta(days=60))
                )
                counted["held"] += 1
            return
        events = ("created", "open", "open", "open", "shipped", "shipped", "delivered", "cancelled", "fba")
        event = self.chance.choice((*events, "invoice_due", "invoiced"))
        day = max(today - timedelta(days=self.chance.choice((0, 0, 0, 1, 2, 5))), life.facts.created)
        if event == "invoice_due":
            day = today + timedelta(days=self.chance.randrange(9))
        life.facts = life.facts.merged(clock.Facts(**{event: day}))
        subject._record(event, day)
        if subject.deadline < before:
            life.shortened.append((today, max(subject.deadline, today), set(life.dumps)))
            counted["shortened"] += 1

    def check(self, life, today, counted):
        subject, figures = life.subject, self.company._pii_clock_figures()
        last, _rule = clock.deadline(life.facts, figures)
        if subject.state == "erased":
            if not getattr(life, "counted", False):
                life.counted = True
                counted["erased"] += 1
            self.assertLessEqual(min(last, subject.deadline), today, "erased before its deadline")
            return
        self.assertEqual(subject._clock_facts(), life.facts)
        held = subject.deadline_rule == "held"
        if held:
            self.assertLessEqual(subject.deadline, today + timedelta(days=1))
        else:
            self.assertEqual(subject.deadline, last)
            self.assertGreater(last, today, "alive after its deadline")
        sealed = [token for token in subject.operational_token.split(SEPARATOR) if token]
        sealed += [token for token in subject.fiscal_token.split(SEPARATOR) if token]
        sealed += [bytes(files.stored(file)) for file in subject._files()]
        keyring = keys.keyring(self.env)
        for one in sealed:
            key_id = keyring.key_id_of(one)
            self.assertTrue(keyring.exists(key_id), "dead before its deadline")
            life.dumps.setdefault(key_id, (today, subject.deadline))

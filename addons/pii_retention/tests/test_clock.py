"""The clock on real records: what news does to a deadline, to what is sealed, and to who may still read it."""

from datetime import UTC, date, datetime, timedelta

# the original: the one that Odoo puts in its place cannot leave modules out
from freezegun.api import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from odoo.addons.pii_retention import blind_index, calendar, files, indexing, keys, moving
from odoo.addons.pii_retention.crypto import parse_key_id
from odoo.addons.pii_retention.indexing import SEPARATOR

from .common import FISCAL, OPERATIONAL, PERSON, VaultCase

NOON = datetime(2031, 3, 10, 12, tzinfo=UTC)


class ClockCase(VaultCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.relax(tz="Europe/Rome")

    def at(self, moment):
        """Stand at a moment; records are read afresh, as a later request would. The access log keeps its own time."""
        self.env.invalidate_all()
        return freeze_time(moment, ignore=["odoo.addons.pii_retention.access_log"])

    def new(self, reference, start, **vals):
        return self.seal(reference, start=start, **vals).sudo()

    def keys_of(self, subject):
        """Return the days of the keys that anything of the subject is sealed with."""
        self.env.flush_all()
        self.env.invalidate_all()
        sealed = [
            token
            for name in ("operational_token", "fiscal_token")
            for token in (subject.sudo()[name] or "").split(SEPARATOR)
            if token
        ]
        sealed += [bytes(files.stored(file)) for file in subject._files()]
        keyring = keys.keyring(self.env)
        return {date.fromisoformat(parse_key_id(keyring.key_id_of(one)).bucket) for one in sealed}

    def index_of(self, subject):
        """Return the index of the subject's names as the key of its present day makes it."""
        known = subject.sudo()
        tokens = {cls: known[f"{cls}_token"] for cls in blind_index.CLASSES}
        keyring, country = keys.keyring(self.env), known.country_id.code
        return indexing.columns_of_sealed(keyring, known, known.deadline, country, tokens)["name_index"]

    def readable(self, subject, purpose="invoice"):
        self.grant(self.clerk, purpose)
        partner = subject._partner()
        try:
            with self.acting(self.clerk), subject.with_user(self.clerk).sudo(False).reveal(purpose) as env:
                return env["res.partner"].browse(partner.id).name == PERSON["name"]
        except (AccessError, UserError):
            return False


@tagged("post_install", "-at_install")
class TestClock(ClockCase):
    # === NEWS === #

    def test_an_order_s_life(self):
        day = date(2031, 3, 10)
        with self.at(NOON):
            subject = self.new("life-1", day)
            self.assertEqual((subject.deadline, subject.deadline_rule), (day + timedelta(30), "created"))
        with self.at(NOON + timedelta(days=4)):
            subject._record("open")
            self.assertEqual((subject.deadline, subject.deadline_rule), (day + timedelta(34), "open"))
            self.assertTrue(subject.is_open)
        with self.at(NOON + timedelta(days=6)):
            subject._record("shipped")
            self.assertEqual((subject.deadline, subject.deadline_rule), (day + timedelta(36), "shipped"))
            self.assertFalse(subject.is_open)
        with self.at(NOON + timedelta(days=9)):
            for event in ("open", "delivered", "shipped", "created"):
                subject._record(event)
            self.assertEqual(subject.deadline, day + timedelta(36), "final")
            self.assertEqual(self.keys_of(subject), {day + timedelta(36)})
            self.assertTrue(self.readable(subject))

    def test_delivery_counts_where_the_policy_says_so(self):
        day = date(2031, 3, 10)
        with self.at(NOON + timedelta(days=5)):
            subject = self.new("life-2", day, facts={"shipped": day + timedelta(1)})
            subject._record("delivered", day + timedelta(3))
            self.assertEqual(subject.deadline, day + timedelta(31))
            self.relax(retention_anchor="delivery")
            moving.settle(subject)
            self.assertEqual((subject.deadline, subject.deadline_rule), (day + timedelta(33), "delivered"))

    def test_news_of_tomorrow_is_of_today(self):
        with self.at(NOON):
            subject = self.new("life-3", date(2031, 3, 1))
            subject._record("shipped", date(2031, 5, 1))
            self.assertEqual(subject.shipped_on, date(2031, 3, 10))
            self.assertEqual(self.new("life-4", date(2031, 12, 1)).deadline, date(2031, 4, 9))

    def test_a_clock_that_is_put_back(self):
        with self.at(NOON):
            subject = self.new("life-5", date(2031, 3, 5), open=True)
            before = subject.deadline
        with self.at(NOON - timedelta(days=7)):
            subject._record("open")
            self.assertEqual(subject.deadline, before)
            subject._record("shipped")
            self.assertEqual(subject.deadline, before, "what happens now happens after what is known")
            self.assertEqual(self.keys_of(subject), {before})

    # === MOVING === #

    def test_everything_moves_together(self):
        # a day that no other test uses: a destroyed key stays destroyed
        day = date(2031, 2, 20)
        with self.at(NOON):
            subject = self.new("move-1", day)
            partner = subject._partner()
            partner.write({"phone": "+49 30 55555555"})
            file = self.env["ir.attachment"].create(
                {"name": "slip.txt", "raw": b"Uxbolstrasse", "res_model": "res.partner", "res_id": partner.id}
            )
            self.assertEqual(self.keys_of(subject), {day + timedelta(30)})
        with self.at(NOON + timedelta(days=3)):
            subject._record("open")
            self.assertEqual(self.keys_of(subject), {date(2031, 4, 12)})
            self.assertEqual(subject.sudo().name_index, self.index_of(subject))
            self.assertEqual(subject.sealed_from, day + timedelta(30))
            # the digest of the last delivery moved too: the same delivery again is no news
            tokens = subject.sudo().operational_token
            self.seal("move-1", start=day)
            self.assertEqual(subject.sudo().operational_token, tokens)
            # the old key opens nothing any more
            for _day, key_id in moving.day_keys(self.company):
                if _day == day + timedelta(30):
                    keys.keyring(self.env).destroy(key_id, "test")
            self.env.invalidate_all()
            self.grant(self.clerk, "label")
            with subject.with_user(self.clerk).sudo(False).reveal("label") as env:
                self.assertEqual(env["res.partner"].browse(partner.id).phone, "+49 30 55555555")
                self.assertEqual(env["ir.attachment"].browse(file.id).raw, b"Uxbolstrasse")

    def test_the_digest_of_a_partial_delivery_moves_too(self):
        with self.at(NOON):
            subject = self.new("move-2", date(2031, 3, 10))
            self.seal("move-2", {"operational": {**OPERATIONAL, "city": "Newxtown"}}, start=date(2031, 3, 10))
        with self.at(NOON + timedelta(days=1)):
            subject._record("open")
            tokens = subject.sudo().operational_token
            self.seal("move-2", {"operational": {**OPERATIONAL, "city": "Newxtown"}}, start=date(2031, 3, 10))
            self.assertEqual(subject.sudo().operational_token, tokens)
            self.seal("move-2", {"operational": dict(OPERATIONAL), "fiscal": dict(FISCAL)}, start=date(2031, 3, 10))
            self.assertNotEqual(subject.sudo().operational_token, tokens)

    def test_earlier_than_promised_leaves_the_later_keys_to_rotation(self):
        queued = []
        self.patch(moving, "queue_rotation", lambda env, key_id: queued.append(key_id))
        day = date(2031, 3, 10)
        with self.at(NOON):
            subject = self.new("move-3", day, open=True)
        for late in range(1, 4):
            with self.at(NOON + timedelta(days=late)):
                subject._record("open")
        self.assertFalse(queued, "a later day leaves nothing behind that outlives it")
        with self.at(NOON + timedelta(days=3)):
            subject._record("shipped", day + timedelta(1))
            self.assertEqual(subject.deadline, day + timedelta(31))
            buckets = {date.fromisoformat(parse_key_id(key_id).bucket) for key_id in queued}
            self.assertEqual(buckets, {day + timedelta(32), day + timedelta(33)})

    def test_a_cancelled_order_s_person_goes_at_once(self):
        queued = []
        self.patch(moving, "queue_rotation", lambda env, key_id: queued.append(key_id))
        day = date(2031, 3, 10)
        with self.at(NOON):
            subject = self.new("gone-1", day, open=True)
            kept = self.new("gone-2", day, open=True)
        with self.at(NOON + timedelta(days=2)):
            (subject | kept)._record("open")
            subject._record("cancelled")
            self.assertEqual((subject.state, subject.deadline_rule), ("erased", "cancelled"))
            self.assertFalse(subject.sudo().operational_token or subject.sudo().name_index)
            self.assertEqual(kept.state, "live")
            # every key under which a dump of the last days holds the person
            buckets = {date.fromisoformat(parse_key_id(key_id).bucket) for key_id in queued}
            self.assertEqual(buckets, {day + timedelta(30), day + timedelta(32)})
            # nothing brings him back
            self.assertEqual(self.new("gone-1", day, open=True).state, "erased")
            subject._record("open")
            self.assertEqual(subject.state, "erased")

    def test_an_owed_invoice_keeps_the_person_until_it_is_issued(self):
        with self.at(NOON):
            subject = self.new("owed-1", date(2031, 3, 8))
            subject._record("invoice_due")
            subject._record("cancelled")
            self.assertEqual((subject.state, subject.deadline), ("live", date(2031, 4, 7)))
            self.assertIn("invoice", subject.deadline_text)
        with self.at(NOON + timedelta(days=2)):
            subject._record("invoiced")
            # the day of the invoice is for printing and archiving it
            self.assertEqual((subject.state, subject.deadline_rule), ("live", "invoiced"))
            self.assertEqual(subject.deadline, date(2031, 3, 13))

    def test_a_shipped_order_s_person_stays_when_its_invoice_is_issued(self):
        with self.at(NOON):
            subject = self.new("owed-2", date(2031, 3, 8), facts={"shipped": date(2031, 3, 9)})
            subject._record("invoiced")
            self.assertEqual((subject.state, subject.deadline), ("live", date(2031, 4, 8)))

    # === THE LAST SECOND === #

    def test_one_second_before_and_after(self):
        for number, (zone, start) in enumerate(
            (
                ("Europe/Rome", date(2031, 3, 1)),  # the 31st: clocks forward on the 30th
                ("Europe/Rome", date(2031, 9, 27)),  # the 27th of October: back on the 26th
                ("Pacific/Kiritimati", date(2032, 1, 31)),  # the 1st of March, a day after the 29th of February
                ("Pacific/Pago_Pago", date(2032, 1, 30)),  # the 29th of February itself
            )
        ):
            self.relax(tz=zone)
            dead = start + timedelta(days=30)
            with self.at(datetime.combine(start, datetime.min.time(), UTC) + timedelta(hours=12)):
                subject = self.new(f"second-{number}", start, country_id=self.germany.id)
                subject._partner()
            self.assertEqual(subject.deadline, dead)
            last = calendar.begins(dead, zone) - timedelta(seconds=1)
            with self.at(last):
                self.assertTrue(self.readable(subject), zone)
            with self.at(last + timedelta(seconds=1)):
                self.assertFalse(self.readable(subject), zone)
                self.assertEqual(self.logged(subject)[-1][0], "refused")
                with self.assertRaisesRegex(UserError, "gone"):
                    subject._correct({"operational": {"phone": "+49 30 1"}})

    def test_past_its_day_there_is_no_door(self):
        with self.at(NOON):
            subject = self.new("door-1", date(2031, 3, 10))
            partner = subject._partner()
            file = self.env["ir.attachment"].create(
                {"name": "slip.txt", "raw": b"Uxbolstrasse", "res_model": "res.partner", "res_id": partner.id}
            )
        with self.at(calendar.begins(subject.deadline, "Europe/Rome")):
            self.grant(self.clerk, "label")
            with self.assertRaisesRegex(AccessError, "end of its time"):
                files.content(file.with_user(self.clerk), "label")
            with self.assertRaisesRegex(UserError, "gone"):
                self.env["ir.attachment"].create(
                    {"name": "late.txt", "raw": b"x", "res_model": "res.partner", "res_id": partner.id}
                )
            with self.env.registry.cursor() as cr:
                cr.execute("SELECT cause FROM pii_access_log WHERE subject_uuid = %s ORDER BY id", [subject.uuid])
                self.assertEqual(cr.fetchall()[-1][0], "expired")

    def test_what_the_time_is_counted_from_is_the_company_s_own_day(self):
        moment = datetime(2031, 2, 28, 23, 30, tzinfo=UTC)
        found = {}
        for zone in ("Pacific/Kiritimati", "UTC", "Pacific/Pago_Pago"):
            self.relax(tz=zone)
            with self.at(moment + timedelta(hours=1)):
                found[zone] = self.new(f"zone-{zone}", moment.replace(tzinfo=None)).created_on
        self.assertEqual(list(found.values()), [date(2031, 3, 1), date(2031, 2, 28), date(2031, 2, 28)])

    # === WORDS === #

    def test_until_when_and_why(self):
        with self.at(NOON):
            subject = self.new("words-1", date(2031, 3, 10))
            self.assertEqual(
                subject.deadline_text,
                "Until the end of 8 April 2031 (Europe/Rome). 30 days after the order of 10 March 2031.",
            )
            subject._record("open")
            subject._record("shipped")
            self.assertIn("30 days after the shipment of 10 March 2031; nothing extends that.", subject.deadline_text)
            subject._record("cancelled")
            self.assertEqual(
                subject.deadline_text,
                "Erased. The order was cancelled on 10 March 2031: nothing is shipped, nobody needs the person any "
                "more.",
            )
            self.assertNoCanary(subject.deadline_text)

    def test_nobody_types_a_deadline(self):
        action = self.env["ir.actions.server"].create(
            {
                "name": "longer",
                "model_id": self.env["ir.model"]._get_id("pii.subject"),
                "state": "code",
                "code": f"env['pii.subject'].browse({self.subject.id}).sudo()._move(datetime.date(2050, 1, 1), 'open')",
            }
        )
        before = self.subject.deadline
        with self.assertRaises(Exception):  # noqa: B017 safe_eval wraps what is raised inside
            action.run()
        self.assertEqual(self.subject.deadline, before)

import random
from datetime import timedelta

from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from odoo.addons.pii_retention import keys
from odoo.addons.pii_retention.access_log import writer

from .access_log_common import AccessLogCase

CASES = 100
ROWS = 40
TEXTS = (
    "subject_uuid",
    "reference",
    "classes",
    "purpose",
    "reason",
    "channel",
    "session",
    "address",
    "outcome",
    "cause",
    "document",
    "previous_mac",
    "mac",
)
NUMBERS = ("id", "user_ref", "company_ref", "grant_ref", "acting_ref")
COPIED = (
    "at, user_ref, company_ref, subject_uuid, reference, classes, purpose, reason, channel, session, address, outcome, "
    "cause, grant_ref, document, acting_ref, previous_mac, mac"
)

SEAL_COLUMNS = "at, kind, chain, database, day, first_row, last_row, row_count, last_mac, previous_mac, mac"


@tagged("post_install", "-at_install")
class TestAccessLogTampering(AccessLogCase):
    """One row changed by whoever owns the table: found, and named."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dice = random.Random(7100)

    def setUp(self):
        super().setUp()
        # two sealed days, and today
        self.append(15, at=self.day(2), classes=("operational",), reason="print the labels", grant_ref=3)
        self.append(15, at=self.day(1), classes=("operational",), document="stock.picking,7")
        self.seal_days()
        self.append(ROWS - 30, reason="answer the customer")
        self.assertEqual(self.findings(), [])
        self.assertEqual([row[0] for row in self.rows()], list(range(1, ROWS + 1)))

    # === WHAT IS DONE === #

    def _edit(self):
        """Change one column of one row; return the numbers of which one must be named."""
        row = self.dice.choice((1, ROWS, self.dice.randint(2, ROWS - 1)))
        column = self.dice.choice((*TEXTS, *NUMBERS, "at"))
        self.cr.execute(SQL("SELECT %s FROM pii_access_log WHERE id = %s", SQL.identifier(column), row))
        (old,) = self.cr.fetchone()
        if column == "at":
            new = old + timedelta(microseconds=self.dice.choice((1, -1, 10**6, 10**9, -(10**13), 10**14)))
        elif column == "id":
            new = self.dice.choice((0, -5, ROWS + 1, ROWS + 500))
        elif column in NUMBERS:
            new = None if old and column != "user_ref" and self.dice.random() < 0.5 else (old or 0) + 1
        elif column in ("previous_mac", "mac"):
            new = self.dice.choice([text for text in ("0" * 64, old[::-1], "ä", old[:-1]) if text != old])
        else:
            new = None if old and column != "outcome" and self.dice.random() < 0.3 else (old or "") + "x"
        self.as_owner(SQL("UPDATE pii_access_log SET %s = %s WHERE id = %s", SQL.identifier(column), new, row))
        return {row}, f"{column} of row {row}"

    def _delete(self):
        row = self.dice.choice((1, ROWS, 15, 30, self.dice.randint(2, ROWS - 1)))
        self.as_owner("DELETE FROM pii_access_log WHERE id = %s", [row])
        return {row}, f"delete row {row}"

    def _insert(self):
        """Add a copy of a row, or a row made up, at the end, before the beginning, or under a number that is taken."""
        source = self.dice.randint(1, ROWS)
        number = self.dice.choice((ROWS + 1, ROWS + 77, 0, self.dice.randint(2, ROWS - 1)))
        if 0 < number <= ROWS:
            self.cr.execute("ALTER TABLE pii_access_log DROP CONSTRAINT pii_access_log_pkey")
        statement = SQL(
            "INSERT INTO pii_access_log (id, %(columns)s) SELECT %(number)s, %(columns)s FROM pii_access_log "
            "WHERE id = %(source)s LIMIT 1",
            columns=SQL(COPIED),
            number=number,
            source=source,
        )
        self.cr.execute(statement)
        if self.dice.random() < 0.5:
            # the attacker moves the head along
            self.cr.execute(
                "UPDATE pii_log_head SET number = greatest(number, %s), mac = (SELECT mac FROM pii_access_log "
                "WHERE id = %s LIMIT 1) WHERE id = 1",
                [number, max(number, ROWS)],
            )
        return {number}, f"insert row {number}"

    def _reorder(self):
        """Let two rows change places, by their numbers or by their seals."""
        one, other = self.dice.sample(range(1, ROWS + 1), 2)
        if self.dice.random() < 0.5:
            self.as_owner(
                """UPDATE pii_access_log SET id = id + 100000 WHERE id IN %(rows)s;
                   UPDATE pii_access_log SET id = %(sum)s - (id - 100000) WHERE id > 100000""",
                {"rows": (one, other), "sum": one + other},
            )
        else:
            self.as_owner(
                """UPDATE pii_access_log a SET (mac, previous_mac, reference, at) =
                        (SELECT mac, previous_mac, reference, at FROM pii_access_log b WHERE b.id = %(sum)s - a.id)
                    WHERE id IN %(rows)s""",
                {"rows": (one, other), "sum": one + other},
            )
        return {one, other}, f"rows {one} and {other} change places"

    def _cut_tail(self):
        """Delete the newest rows and set the head to what is left."""
        left = self.dice.randint(31, ROWS - 1)
        self.as_owner("DELETE FROM pii_access_log WHERE id > %s", [left])
        self.cr.execute(
            "UPDATE pii_log_head SET (number, mac) = (SELECT id, mac FROM pii_access_log WHERE id = %s)", [left]
        )
        return set(range(left + 1, ROWS + 1)), f"cut the tail after row {left} and set the head back"

    def _truncate(self):
        self.as_owner("TRUNCATE pii_access_log")
        if self.dice.random() < 0.5:
            self.cr.execute("DELETE FROM pii_log_head")
        return set(range(1, ROWS + 1)), "truncate"

    # === TESTS === #

    def test_a_hundred_random_changes_are_found_and_named(self):
        acts = [self._edit] * 50 + [self._delete] * 15 + [self._insert] * 15 + [self._reorder] * 10
        acts += [self._cut_tail] * 7 + [self._truncate] * 3
        self.assertEqual(len(acts), CASES)
        detected = 0
        for number, act in enumerate(acts):
            savepoint = self.cr.savepoint(flush=False)
            rows, what = act()
            findings = self.check().findings
            named = {row for found in findings for row in range(found.first, min(found.last, found.first + 999) + 1)}
            with self.subTest(case=number, what=what, findings=findings):
                self.assertTrue(findings, "nothing was found")
                self.assertLessEqual(rows, named, "the row is not named")
                self.assertFalse([found for found in findings if found.kind == "guard"])
                detected += 1
            savepoint.close(rollback=True)
        self.assertEqual(self.findings(), [], "the cases leave nothing behind")
        print(f"\nFIGURE log_tamper_cases {CASES} cases")
        print(f"\nFIGURE log_tamper_detected {detected} cases ={CASES}")

    def test_the_blame_falls_on_the_row_alone(self):
        for statement, expected in (
            ("UPDATE pii_access_log SET reason = 'x' WHERE id = 20", [("edited", 20, 20)]),
            ("UPDATE pii_access_log SET mac = repeat('a', 64) WHERE id = 20", [("edited", 20, 20)]),
            ("UPDATE pii_access_log SET previous_mac = repeat('a', 64) WHERE id = 20", [("edited", 20, 20)]),
            ("DELETE FROM pii_access_log WHERE id BETWEEN 20 AND 22", [("missing", 20, 22)]),
            ("DELETE FROM pii_access_log WHERE id = 40", [("missing", 40, 40)]),
            ("UPDATE pii_access_log SET user_ref = 1 WHERE id IN (3, 4, 9)", [("edited", 3, 4), ("edited", 9, 9)]),
        ):
            with self.subTest(statement):
                savepoint = self.cr.savepoint(flush=False)
                self.as_owner(statement)
                self.assertEqual(self.findings(), expected)
                savepoint.close(rollback=True)

    def test_a_cut_tail_is_known_beside_the_keys_when_the_process_forgot(self):
        writer._written.clear()
        self.as_owner("DELETE FROM pii_access_log WHERE id > 35")
        self.cr.execute("UPDATE pii_log_head SET (number, mac) = (SELECT id, mac FROM pii_access_log WHERE id = 35)")
        self.assertEqual(self.findings(), [("head", 35, 35), ("missing", 36, 40)])
        # whoever works on does so behind the lost rows, and the loss is noted
        with mute_logger("odoo.addons.pii_retention.access_log.writer"):
            self.append(2)
        self.assertEqual([row[0] for row in self.rows()][-3:], [35, 41, 42])
        self.assertEqual(self.findings(), [("missing", 36, 40)])
        seal = self.env["pii.log.seal"].search([], limit=1)
        self.assertEqual((seal.kind, seal.first_row, seal.last_row), ("break", 36, 40))

    def test_a_removed_head_is_put_back(self):
        self.cr.execute("DELETE FROM pii_log_head")
        self.assertEqual(self.findings(), [("head", 0, 0)])
        with mute_logger("odoo.addons.pii_retention.access_log.writer"):
            self.append(1)
        self.assertEqual(self.findings(), [])
        self.assertEqual(self.rows()[-1], (41,))

    def test_everything_removed_is_noticed(self):
        self.as_owner("DELETE FROM pii_log_seal", table="pii_log_seal")
        self.as_owner("TRUNCATE pii_access_log")
        self.cr.execute("DELETE FROM pii_log_head")
        self.assertEqual([kind for kind, _first, _last in self.findings()], ["head"])

    def test_changed_seals_are_found(self):
        for statement in (
            "UPDATE pii_log_seal SET last_row = last_row + 1 WHERE id = 2",
            "UPDATE pii_log_seal SET mac = repeat('b', 64) WHERE id = 3",
            "UPDATE pii_log_seal SET day = day - 1 WHERE id = 2",
            "DELETE FROM pii_log_seal WHERE id = 2",
            "DELETE FROM pii_log_seal WHERE id = 3",
            "DELETE FROM pii_log_seal WHERE id = 1",
            f"INSERT INTO pii_log_seal (id, {SEAL_COLUMNS}) SELECT 4, {SEAL_COLUMNS} FROM pii_log_seal WHERE id = 3",
        ):
            with self.subTest(statement):
                savepoint = self.cr.savepoint(flush=False)
                self.as_owner(statement, table="pii_log_seal")
                self.assertIn("seal", {kind for kind, _first, _last in self.findings()})
                savepoint.close(rollback=True)

    def test_a_trigger_left_off_is_found(self):
        self.cr.execute("ALTER TABLE pii_access_log DISABLE TRIGGER pii_log_guard_row")
        self.assertEqual(self.findings(), [("guard", 0, 0)])
        self.cr.execute("ALTER TABLE pii_access_log ENABLE TRIGGER pii_log_guard_row")
        self.cr.execute(
            "CREATE OR REPLACE FUNCTION pii_log_guard() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'"
        )
        self.assertEqual(self.findings(), [("guard", 0, 0)])

    def test_a_lost_key_is_no_accusation_and_no_crash(self):
        keyring = keys.keyring(self.env)
        for key_id in keyring.list("log"):
            keyring.destroy(key_id, "test")
        found = self.check().findings
        self.assertIn("unverifiable", {item.kind for item in found})
        self.assertRegex(found[-1].detail, "Key 'log/")

"""The daily purge: what is due goes, in order, whatever is interrupted; a clock that is not to be believed stops it."""

from contextlib import contextmanager
from datetime import date, timedelta
from unittest.mock import patch
from uuid import uuid4

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention import certificate_seals, filestore, keys, purge, purge_day, purge_due, purging
from odoo.addons.pii_retention import rotation as rotation_of_days
from odoo.addons.pii_retention.crypto import KeyStoreError, day_key_id, parse_key_id
from odoo.addons.pii_retention.tests.common import OPERATIONAL, VaultCase


class PurgeCase(VaultCase):
    """Keys of a company that nothing else uses, and days to travel to."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keyring = keys.keyring(cls.env)
        cls.relax(tz="Europe/Berlin")
        cls.startClassPatcher(patch.object(purging, "_vacuum"))

    def setUp(self):
        super().setUp()
        # destroyed keys stay destroyed, whatever is rolled back: each test has a key domain of its own
        self.subject.sudo().write({"state": "erased"})
        self.domain = self.company.sudo().pii_domain = str(uuid4())
        self.subject = self.seal("402-1234567-0000002")
        self.partner = self.subject._partner()
        self.due_day = self.subject.sudo().deadline

    @contextmanager
    def on(self, day, hour=12):
        """Let it be ``day`` at ``hour`` (UTC)."""
        with freeze_time(f"{day.isoformat()} {hour:02d}:30:00"):
            yield

    def purge(self):
        with self.acting(None):
            return purging.purge(self.env(su=True), self.company)

    def committed(self):
        """Do what waits for the commit that a test never makes."""
        with self.enter_registry_test_mode():
            self.env.cr.postcommit.run()

    def proven(self, day):
        """Let the last purge have ended on ``day``."""
        purge_day.passed(self.env, self.company.sudo(), day)

    def file_of(self, subject):
        return self.env["ir.attachment"].create(
            {"name": "label.pdf", "raw": b"%PDF-1.4 " * 900, "res_model": "pii.subject", "res_id": subject.id}
        )


@tagged("post_install", "-at_install")
class TestPurge(PurgeCase):
    def test_on_the_day_and_not_before(self):
        key_id = day_key_id(self.domain, self.due_day)
        self.file_of(self.subject)
        with self.on(self.due_day - timedelta(days=1), 21):  # 22:30 in Berlin
            self.proven(self.due_day - timedelta(days=1))
            self.assertFalse(self.purge())
            self.assertTrue(self.keyring.exists(key_id))
        with self.on(self.due_day - timedelta(days=1), 23):  # half past midnight in Berlin
            run = self.purge()
        self.assertEqual((run.state, run.step, run.day), ("done", "done", self.due_day))
        self.assertEqual((run.subject_count, run.file_count, run.key_ids), (1, 1, key_id))
        self.assertTrue(self.keyring.destroyed(key_id))
        subject = self.subject.sudo()
        self.assertEqual((subject.state, subject.erased_reason), ("erased", "deadline"))
        certificate = run.certificate_ids
        self.assertEqual(
            (certificate.state, certificate.kind, certificate.verification), ("sealed", "deadline", "passed")
        )
        self.assertEqual((certificate.subject_count, certificate.file_count), (1, 1))
        self.assertEqual(subject.certificate_id, certificate)
        self.committed()
        self.assertEqual(certificate_seals.faults(certificate), [])
        with self.on(self.due_day, 9):
            self.assertFalse(self.purge(), "nothing is left to do")
        self.assertEqual(self.env["pii.certificate"].search_count([("run_id", "=", run.id)]), 1)

    def test_business_records_stay(self):
        partner = self.partner
        partner.message_post(body="Called Zyxwanna Quorvelli, she is at home", message_type="comment")
        with self.on(self.due_day):
            self.purge()
        self.assertEqual(partner.name, self.subject._pseudonym())
        self.assertEqual(partner.country_id, self.germany)
        self.env.cr.execute(
            "SELECT count(*) FROM mail_message WHERE model = 'res.partner' AND res_id = %s", [partner.id]
        )
        self.assertEqual(self.env.cr.fetchone()[0], 0)

    def test_interrupted_after_each_step(self):
        """Whatever step an error follows, the next purge ends with one certificate and nothing left."""
        with self.on(self.due_day):
            self.purge()
        for number, step in enumerate(("holds", "keys", "rotations", "rows", "files", "vacuum", "certificate")):
            day = self.due_day + timedelta(days=10 + number)
            with self.on(day - timedelta(days=30)):
                subject = self.seal(f"step-{step}", start=day - timedelta(days=30)).sudo()
                subject_file = self.file_of(subject)
            self.assertEqual(subject.deadline, day)
            real = purging._step

            def interrupted(run, name, step=step, real=real):
                real(run, name)
                if name == step:
                    raise KeyStoreError("somebody pulled the plug")

            with self.subTest(step), self.on(day):
                self.proven(day - timedelta(days=1))
                with patch.object(purging, "_step", interrupted), mute_logger("odoo.addons.pii_retention.purging"):
                    run = self.purge()
                self.assertEqual((run.state, run.step), ("failed", step))
                self.assertIn("plug", run.problem)
                self.assertTrue(run.activity_ids.user_id & self.officer)
                again = self.purge()
                self.assertEqual((again, run.state), (run, "done"))
                self.assertFalse(run.activity_ids)
                self.assertEqual((run.subject_count, run.file_count), (1, 1))
                self.assertEqual((subject.state, subject_file.exists().ids), ("erased", []))
                self.assertEqual(len(run.certificate_ids), 1)
                self.assertEqual(run.certificate_ids.verification, "passed")
                self.assertEqual(run.certificate_ids.subject_count, 1)

    def test_no_key_store_no_half_purge(self):
        key_id = day_key_id(self.domain, self.due_day)
        store = self.keyring._store
        with self.on(self.due_day), mute_logger("odoo.addons.pii_retention.purging"):
            keys_directory = store._keys
            keys_directory.rename(keys_directory.with_name("away"))
            try:
                run = self.purge()
            finally:
                keys_directory.with_name("away").rename(keys_directory)
        self.assertEqual(run.state, "failed")
        self.assertIn("key store", run.problem.casefold())
        self.assertTrue(run.activity_ids.user_id & self.officer)
        self.assertEqual(self.subject.sudo().state, "live")
        self.assertTrue(self.keyring.exists(key_id))
        self.assertFalse(self.keyring.subjects.contains(self.subject.sudo().uuid))
        with self.on(self.due_day, 13):
            self.assertEqual(self.purge().state, "done")
        self.assertEqual(self.subject.sudo().state, "erased")

    def test_another_key_store_is_refused(self):
        with (
            self.on(self.due_day),
            patch.object(keys, "known_store_id", lambda env: "another"),
            mute_logger("odoo.addons.pii_retention.purging"),
        ):
            run = self.purge()
        self.assertEqual(run.state, "failed")
        self.assertIn("another", run.problem)
        self.assertEqual(self.subject.sudo().state, "live")

    def test_every_overdue_key_of_the_store_dies(self):
        """A restored database knows nothing of the subjects of a key that lives: the store is asked."""
        stray = [self.keyring.ensure(day_key_id(self.domain, self.due_day - timedelta(days=days))) for days in (1, 5)]
        stray.append(self.keyring.create_successor(stray[0]))
        other = self.keyring.ensure(day_key_id("another-company", self.due_day - timedelta(days=5)))
        later = self.keyring.ensure(day_key_id(self.domain, self.due_day + timedelta(days=1)))
        with self.on(self.due_day):
            run = self.purge()
        self.assertEqual(set(run.key_ids.split()), {*stray, day_key_id(self.domain, self.due_day)})
        self.assertTrue(all(self.keyring.destroyed(key_id) for key_id in stray))
        self.assertTrue(self.keyring.exists(other) and self.keyring.exists(later))
        for key_id in self.keyring.list(f"day/{self.domain}"):
            self.assertGreater(date.fromisoformat(parse_key_id(key_id).bucket), self.due_day)

    # === THE CLOCK === #

    def test_a_leap_of_the_clock_waits_for_an_officer(self):
        self.proven(self.due_day - timedelta(days=3))
        with self.on(self.due_day), mute_logger("odoo.addons.pii_retention.purging"):
            run = self.purge()
            self.assertEqual(run.state, "refused")
            self.assertIn("clock", run.problem)
            self.assertEqual(self.subject.sudo().state, "live")
            self.assertEqual(len(run.activity_ids.filtered(lambda one: one.user_id == self.officer)), 1)
            self.assertEqual(self.purge(), run)
            self.assertEqual(len(run.activity_ids.filtered(lambda one: one.user_id == self.officer)), 1, "told once")
            for user in (self.clerk, self.env.ref("base.user_admin")):
                with self.acting(user), self.assertRaises(AccessError):
                    run.with_user(user).action_confirm()
            with self.acting(None), self.assertRaises(AccessError):
                run.with_user(self.officer).action_confirm()
            # whoever writes the database does not confirm with that
            run.sudo().write({"confirmed_day": self.due_day, "confirmed_by_id": self.officer.id, "confirmation": "00"})
            self.assertEqual(self.purge().state, "refused")
            with self.acting(self.officer):
                run.with_user(self.officer).action_confirm()
        self.assertEqual(run.state, "done")
        self.assertEqual(self.subject.sudo().state, "erased")

    def test_two_days_are_no_leap(self):
        self.proven(self.due_day - timedelta(days=2))
        with self.on(self.due_day):
            self.assertEqual(self.purge().state, "done")

    def test_a_clock_that_goes_back(self):
        with self.on(self.due_day):
            self.assertEqual(self.purge().state, "done")
        with self.on(self.due_day - timedelta(days=4)), mute_logger("odoo.addons.pii_retention.purging"):
            run = self.purge()
            self.assertEqual(run.state, "refused")
            self.assertIn("clock", run.problem)
            late = self.seal("back in time", start=self.due_day - timedelta(days=30)).sudo()
            self.assertEqual(late.state, "erased", "the day is over, whatever the clock says")
            self.assertEqual(self.subject.sudo().state, "erased")
        with self.on(self.due_day, 14):
            self.purge()
        self.assertNotEqual(run.state, "refused")

    def test_a_day_that_a_wrong_clock_has_left_behind(self):
        """The clock ran ahead once, and is right again: an officer says so, and the purge goes on from today."""
        self.proven(self.due_day + timedelta(days=400))
        with self.on(self.due_day), mute_logger("odoo.addons.pii_retention.purging"):
            run = self.purge()
            self.assertEqual((run.state, self.subject.sudo().state), ("refused", "live"))
            self.assertIn("Confirm the Date", run.problem)
            with self.acting(self.officer):
                run.with_user(self.officer).action_confirm()
            self.assertEqual((run.state, self.subject.sudo().state), ("done", "erased"))
            self.assertEqual(purge_day.last_day(self.env, self.company), self.due_day)
        later = self.due_day + timedelta(days=1)
        with self.on(later - timedelta(days=30)):
            other = self.seal("the day after", start=later - timedelta(days=30)).sudo()
        with self.on(later):
            self.purge()
            self.assertEqual(other.state, "erased", "nobody has to confirm each day")

    def test_a_database_from_before_does_not_make_a_leap(self):
        """After a restore the keys are dead already: the rows go without anybody's leave."""
        self.proven(self.due_day)
        self.keyring.destroy(day_key_id(self.domain, self.due_day), "deadline")
        with self.on(self.due_day + timedelta(days=9)):
            run = self.purge()
        self.assertEqual(run.state, "done")
        self.assertEqual(self.subject.sudo().state, "erased")

    # === CERTIFICATES === #

    def test_certificates_make_a_chain(self):
        made = self.env["pii.certificate"]
        for number in range(3):
            subject = self.seal(f"chain-{number}", start=date.today() - timedelta(days=3 * number))
            made |= purge.erase_early(self.env(su=True), subject, "data_subject", f"REQ/{number}")
        self.committed()
        self.assertEqual([certificate_seals.faults(one) for one in made], [[], [], []])
        self.assertEqual(made[1].previous_seal, made[0].seal)
        self.env.cr.execute("UPDATE pii_certificate SET subject_count = 7 WHERE id = %s", [made[1].id])
        self.env.invalidate_all()
        self.assertEqual([bool(certificate_seals.faults(one)) for one in made], [False, True, False])
        self.env.cr.execute("UPDATE pii_certificate SET subject_count = 1 WHERE id = %s", [made[1].id])
        self.env.cr.execute("UPDATE pii_certificate SET name = 'ERASURE/999999' WHERE id = %s", [made[2].id])
        self.env.invalidate_all()
        self.assertEqual([bool(certificate_seals.faults(one)) for one in made], [False, False, True])

    def test_the_chain_goes_on_after_a_restore(self):
        """A backup forgets certificates and their numbers; those that come later are genuine all the same."""
        made = self.env["pii.certificate"]
        for number in range(3):
            subject = self.seal(f"before-{number}", start=date.today() - timedelta(days=3 * number))
            made |= purge.erase_early(self.env(su=True), subject, "data_subject")
            self.committed()
        self.assertFalse(certificate_seals.tell_missing(self.company))
        lost, sequence = made[1:], self.env["ir.sequence"].search([("code", "=", "pii.certificate")])
        names = lost.mapped("name")
        self.env.cr.execute("UPDATE pii_subject SET certificate_id = NULL WHERE certificate_id = ANY(%s)", [lost.ids])
        self.env.cr.execute("DELETE FROM pii_certificate WHERE id = ANY(%s)", [lost.ids])
        self.env.invalidate_all()
        sequence.number_next -= 2
        found = [certificate_seals.tell_missing(self.company) for _time in range(2)]
        self.assertEqual(found, [names, names])
        told = self.env["pii.alert"].search([("kind", "=", "certificate")])
        self.assertEqual(len(told), 1)
        self.assertIn(names[0], told.detail)
        subject = self.seal("after", start=date.today() - timedelta(days=12))
        after = purge.erase_early(self.env(su=True), subject, "data_subject")
        self.committed()
        self.assertNotIn(after.name, names)
        self.assertEqual([certificate_seals.faults(one) for one in (made[0], after)], [[], []])

    def test_a_certificate_whose_anchor_was_lost_keeps_its_place(self):
        made = self.env["pii.certificate"]
        for number in range(2):
            subject = self.seal(f"anchor-{number}", start=date.today() - timedelta(days=3 * number))
            made |= purge.erase_early(self.env(su=True), subject, "data_subject")
            if not number:
                self.env.cr.postcommit.clear()  # killed between the commit and the anchor
        self.committed()
        self.assertEqual([certificate_seals.faults(one) for one in made], [[], []])

    def test_an_open_certificate_is_not_written_past_the_erasure(self):
        for number, statement in enumerate(
            (
                "UPDATE pii_certificate SET key_ids = NULL WHERE id = %s",
                "UPDATE pii_certificate SET file_count = 99 WHERE id = %s",
                "UPDATE pii_certificate SET operator = 'Nobody' WHERE id = %s",
            )
        ):
            gone = self.seal(f"open-{number}", start=date.today() - timedelta(days=number + 1))
            purge.forget(self.env, gone.ids, "data_subject")
            certificate = gone.sudo().certificate_id
            self.env.flush_all()
            self.env.cr.execute(statement, [certificate.id])
            self.env.invalidate_all()
            purge.forget(self.env, self.seal(f"open-{number}-too").ids, "data_subject", certificate)
            with mute_logger("odoo.addons.pii_retention.certificates"):
                self.purge()
            self.assertEqual((certificate.state, certificate.verification), ("sealed", "failed"), statement)
            self.assertIn("Somebody wrote", certificate.verification_text)
        self.assertTrue(self.env["pii.alert"].search([("kind", "=", "certificate")]))

    def test_a_sealed_certificate_is_not_changed(self):
        certificate = purge.erase_early(self.env(su=True), self.subject, "data_subject")
        with self.assertRaises(Exception):  # noqa: B017 UserError, whoever asks
            certificate.sudo().write({"subject_count": 9})
        with self.assertRaises(Exception):  # noqa: B017
            certificate.sudo().unlink()
        self.assertNotIn("Quorvelli", str(certificate.sudo().read()))

    def test_an_alive_key_fails_the_verification(self):
        with self.on(self.due_day):
            with (
                patch.object(type(self.keyring), "subject_key", lambda *args: None),
                mute_logger("odoo.addons.pii_retention.certificates"),
            ):
                run = self.purge()
        self.assertEqual(run.certificate_ids.verification, "failed")
        self.assertIn("can still be read", run.certificate_ids.verification_text)

    def test_who_was_forgotten_without_a_rotation_is_rotated_and_certified(self):
        gone, stays = self.seal("gone"), self.seal("stays")
        purge.forget(self.env, gone.ids, "cancelled")
        certificate = gone.sudo().certificate_id
        self.assertEqual((certificate.state, certificate.kind, certificate.reason), ("open", "early", "cancelled"))
        run = self.purge()
        self.assertEqual(run.state, "done")
        self.assertEqual((certificate.state, certificate.subject_count), ("sealed", 1))
        rotation = self.env["pii.rotation"].search([("key_id", "=", certificate.key_ids)])
        self.assertEqual((rotation.state, rotation.subject_count), ("done", 2), "the case's subject and the neighbour")
        self.env.cr.execute("SELECT operational_token FROM pii_subject WHERE id = %s", [stays.id])
        (token,) = self.env.cr.fetchone()
        self.assertEqual(self.keyring.key_id_of(token), f"{certificate.key_ids}/2")
        opened = self.keyring.open_record(self.domain, stays.sudo().uuid, "operational", token)
        self.assertEqual(opened["name"], OPERATIONAL["name"])

    def test_a_key_that_cannot_be_replaced_keeps_nobody_else(self):
        gone = self.seal("gone", start=date.today() - timedelta(days=4))
        purge.forget(self.env, gone.ids, "cancelled")
        key_id = gone.sudo().certificate_id.key_ids
        path = self.keyring._store._path(key_id)
        whole = path.read_bytes()
        path.write_bytes(whole[:-20])
        self.keyring.forget()
        due_day = self.due_day - timedelta(days=4)
        with self.on(due_day - timedelta(days=1)), mute_logger("odoo.addons.pii_retention.purging"):
            self.assertEqual(purge_due.due(self.env(su=True), self.company).rotations, 1)
            run = self.purge()
        rotation = self.env["pii.rotation"].search([("key_id", "=", key_id)])
        self.assertEqual((run.state, rotation.state, gone.sudo().certificate_id.state), ("done", "queued", "open"))
        self.assertIn(key_id, rotation.problem)
        told = self.env["pii.alert"].search([("kind", "=", "rotation")])
        self.assertEqual((len(told), told.state), (1, "new"))
        self.assertIn(key_id, told.name)
        path.write_bytes(whole)
        with self.on(due_day - timedelta(days=1), 13):
            self.purge()
        self.assertEqual((rotation.state, gone.sudo().certificate_id.state), ("done", "sealed"))

    def test_an_officer_gives_up_a_key_that_nobody_can_read(self):
        start = date.today() - timedelta(days=4)
        gone, neighbour = self.seal("gone", start=start), self.seal("neighbour", start=start)
        purge.forget(self.env, gone.ids, "cancelled")
        certificate = gone.sudo().certificate_id
        key_id = certificate.key_ids
        path = self.keyring._store._path(key_id)
        whole = path.read_bytes()
        rotation_of_days.queue(self.env(su=True), key_id, "cancelled")
        rotation = self.env["pii.rotation"].search([("key_id", "=", key_id)])
        with self.acting(self.officer), self.assertRaisesRegex(UserError, "can be read"):
            rotation.with_user(self.officer).action_give_up()
        path.write_bytes(whole[:-20])
        self.keyring.forget()
        for user in (self.clerk, self.env.ref("base.user_admin")):
            with self.acting(user), self.assertRaises(AccessError):
                rotation.with_user(user).action_give_up()
        with self.acting(None), self.assertRaises(AccessError):
            rotation.with_user(self.officer).action_give_up()
        self.assertEqual(neighbour.sudo().state, "live")
        with self.acting(self.officer):
            rotation.with_user(self.officer).action_give_up()
        self.assertEqual((rotation.state, neighbour.sudo().state), ("done", "erased"))
        self.assertTrue(self.keyring.destroyed(key_id))
        self.purge()
        self.assertEqual((certificate.state, certificate.verification), ("sealed", "passed"))
        self.assertEqual(self.seal("after", start=start).sudo().state, "live", "the day goes on with its next key")

    def test_early_erasures_of_a_day_share_a_certificate(self):
        for number in range(3):
            purge.forget(self.env, self.seal(f"gone-{number}").ids, "cancelled")
        self.purge()
        certificate = self.env["pii.certificate"].search([("reason", "=", "cancelled")])
        self.assertEqual((len(certificate), certificate.subject_count, certificate.state), (1, 3, "sealed"))

    # === PEOPLE === #

    def test_who_may_what(self):
        auditor = new_test_user(self.env, "purge_auditor", groups="pii_retention.group_auditor")
        run = self.env["pii.purge.run"].create({"company_id": self.company.id, "day": self.due_day})
        for model in ("pii.purge.run", "pii.certificate", "pii.rotation"):
            for user in (self.officer, auditor):
                records = self.env[model].with_user(user)
                records.search([]).read()
                for operation in ("write", "create", "unlink"):
                    self.assertFalse(records.has_access(operation), f"{user.login} {operation} {model}")
            for user in (self.clerk, self.nobody, self.env.ref("base.user_admin")):
                self.assertFalse(self.env[model].with_user(user).has_access("read"), f"{user.login} {model}")
        with self.acting(auditor), self.assertRaises(AccessError):
            run.with_user(auditor).action_continue()

    def test_files_that_an_interrupted_process_left(self):
        attachment = self.file_of(self.subject)
        name, path = attachment.store_fname, attachment._full_path(attachment.store_fname)
        with patch.object(filestore, "_collect_all"):  # killed between the commit and the files
            purge.forget(self.env, self.subject.ids, "data_subject")
            self.committed()
        with open(path, "rb"):
            pass
        with self.enter_registry_test_mode():
            self.assertEqual(filestore.collect_left(self.env), 1)
        with self.assertRaises(FileNotFoundError):
            open(path, "rb")
        self.assertFalse(self.env["pii.doomed.file"].search([("name", "=", name)]))

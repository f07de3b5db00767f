"""What becomes of a sealed file: later days, erasure, damages, full disks."""

import errno
import os
from datetime import date, timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from odoo.addons.pii_retention import files, keys, moving
from odoo.addons.pii_retention.crypto import day_key_id
from odoo.addons.pii_retention.tests.test_attachment_seal import SealCase


@tagged("post_install", "-at_install")
class TestSealedLife(SealCase):
    def on_a_day_of_its_own(self, days):
        """Return a file of a subject whose key no other test uses: a destroyed key stays destroyed."""
        subject = self.seal(f"402-0000000-000013{days}", start=date.today() - timedelta(days=days))
        return subject, self.attach(res_model="res.partner", res_id=subject._partner().id)

    def test_a_later_day_takes_the_files_along(self):
        subject, attachment = self.on_a_day_of_its_own(4)
        domain, before = self.company._pii_domain(), subject.deadline
        old = bytes(files.stored(attachment))
        moving.move(subject, before + timedelta(days=3), "open")
        self.assertNotEqual(bytes(files.stored(attachment)), old)
        keys.keyring(self.env).destroy(day_key_id(domain, before), "deadline")
        self.env.invalidate_all()
        self.assertEqual(
            keys.keyring(self.env).key_id_of(bytes(files.stored(attachment))).split("/")[2],
            (before + timedelta(days=3)).isoformat(),
        )

    def test_an_erased_person_leaves_no_file(self):
        for number, erase in enumerate((lambda one: one.write({"state": "erased"}), lambda one: one.unlink())):
            subject = self.seal(f"402-0000000-000012{number}")
            attachment = self.attach(res_model="pii.subject", res_id=subject.id)
            hidden = self.attach(res_model="pii.subject", res_id=subject.id, res_field="some_field")
            paths = [self.path(attachment), self.path(hidden)]
            self.assertTrue(all(map(os.path.exists, paths)))
            erase(subject.sudo())
            self.assertFalse((attachment | hidden).exists())
            with self.enter_registry_test_mode():
                self.env.cr.postcommit.run()
            self.assertFalse(any(map(os.path.exists, paths)), "at once, not at the next collection of garbage")

    def test_an_erased_person_gets_no_file(self):
        subject = self.seal("402-0000000-0000013")
        partner = subject._partner()
        subject.sudo().write({"state": "erased"})
        with self.assertRaisesRegex(UserError, "gone"):
            self.attach(res_model="res.partner", res_id=partner.id)

    def test_erased_between_opening_and_sending(self):
        subject, attachment = self.on_a_day_of_its_own(7)
        key_id = day_key_id(self.company._pii_domain(), subject.deadline)
        real = files.open_inside

        def open_inside(known):
            # another process destroys the key after the gate has said yes
            keys.keyring(self.env).destroy(key_id, "deadline")
            return real(known)

        with patch.object(files, "open_inside", open_inside), self.assertRaisesRegex(UserError, "destroyed") as caught:
            files.content(attachment.with_user(self.clerk))
        self.assertIn(key_id, str(caught.exception))
        self.assertNoCanary(caught.exception)

    def test_damages_name_the_key_and_break_no_list(self):
        key_id = day_key_id(self.company._pii_domain(), self.subject.deadline)
        damages = {
            "missing": lambda path: os.unlink(path),
            "empty": lambda path: os.truncate(path, 0),
            "header": lambda path: os.truncate(path, 20),
            "cut short": lambda path: os.truncate(path, os.path.getsize(path) - 100),
            "a bit": lambda path: _flip(path, -20),
            "another file": lambda path: _overwrite(path, b"<html>" + b"x" * 5000),
        }
        for name, damage in damages.items():
            attachment = self.on_partner()
            damage(self.path(attachment))
            with self.assertRaises(UserError, msg=name) as caught:
                self.opened(attachment)
            self.assertNotIsInstance(caught.exception, AccessError, name)
            self.assertIn(key_id, str(caught.exception), name)
            self.assertTrue(attachment.web_read({"name": {}, "mimetype": {}, "file_size": {}}), name)
            self.assertTrue(attachment.with_context(bin_size=True).read(["raw", "datas"]), name)
            attachment.unlink()

    def test_a_full_disk_keeps_nothing(self):
        before = {os.path.join(root, name) for root, _dirs, names in os.walk(self.filestore()) for name in names}
        real = open
        written = []

        def full(path, mode="r", *args, **kwargs):
            file = real(path, mode, *args, **kwargs)
            if "w" in mode:
                written.append(path)
                file.write(b"half")
                file.close()
                raise OSError(errno.ENOSPC, "No space left on device")
            return file

        module = "odoo.addons.base.models.ir_attachment.open"
        with patch(module, full, create=True), self.assertRaisesRegex(UserError, "No space left"):
            self.on_partner()
        self.assertEqual(len(written), 1)
        self.assertFalse(os.path.exists(written[0]))
        after = {os.path.join(root, name) for root, _dirs, names in os.walk(self.filestore()) for name in names}
        self.assertFalse(after - before)

    def filestore(self):
        return self.env["ir.attachment"]._filestore()


def _flip(path, position):
    with open(path, "r+b") as file:
        content = bytearray(file.read())
        content[position] ^= 1
        file.seek(0)
        file.write(content)


def _overwrite(path, content):
    with open(path, "wb") as file:
        file.write(content)

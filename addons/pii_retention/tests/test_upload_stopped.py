import json

from odoo.http import Request
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .test_proof_intake import ALARMS, IntakeCase

UPLOADS = "odoo.addons.web.controllers.binary"


@tagged("post_install", "-at_install")
class TestUploadStopped(HttpCase, IntakeCase):
    """While the intake is stopped nobody uploads a file for a customer; what Odoo makes itself is kept."""

    def doors(self):
        """Return ``{route: function that sends a file through it}`` of the doors of the web client."""
        token = Request.csrf_token(self)
        place = {"model": "res.partner", "id": self.partner.id}
        thread = {"thread_model": "res.partner", "thread_id": self.partner.id, "is_pending": "", "csrf_token": token}
        vals = {"name": "x.txt", "raw": "upload", "res_model": "res.partner", "res_id": self.partner.id}
        call = {"model": "ir.attachment", "method": "create", "args": [[vals]], "kwargs": {}}
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "id": 1, "params": call})
        file = ("x.txt", b"upload", "text/plain")
        return {
            "/web/binary/upload_attachment": lambda: self.url_open(
                "/web/binary/upload_attachment", data={**place, "csrf_token": token}, files={"ufile": file}
            ),
            "/mail/attachment/upload": lambda: self.url_open(
                "/mail/attachment/upload", data=thread, files={"ufile": file}
            ),
            "call_kw without a path": lambda: self.url_open(
                "/web/dataset/call_kw", data=body, headers={"Content-Type": "application/json"}
            ),
            "call_kw": lambda: self.url_open(
                "/web/dataset/call_kw/ir.attachment/create", data=body, headers={"Content-Type": "application/json"}
            ),
        }

    def files(self):
        return self.env["ir.attachment"].search_count([("pii_subject_id", "=", self.subject.id)])

    def test_every_door(self):
        self.authenticate("vault_officer", "vault_officer")
        self.officer.group_ids += self.env.ref("base.group_partner_manager")
        for number, (door, send) in enumerate(self.doors().items(), 1):
            with self.subTest(door=door):
                send()
                self.assertEqual(self.files(), number, "while the intake is open it is taken in")
        before = self.files()
        self.break_something()
        with mute_logger(ALARMS):
            self.env["pii.proof"]._cron_proof()
        refused = 0
        for door, send in self.doors().items():
            with self.subTest(door=door), mute_logger("odoo.http", UPLOADS, ALARMS):
                answer = send()
                self.assertEqual(self.files(), before, answer.text)
                refused += 1
        print(f"\nFIGURE uploads_refused_while_stopped {refused} doors ={len(self.doors())}")
        # of what is held goods are still shipped
        self.env["ir.attachment"].create(
            {"name": "label.pdf", "raw": b"%PDF", "res_model": "res.partner", "res_id": self.partner.id}
        )
        self.assertEqual(self.files(), before + 1)

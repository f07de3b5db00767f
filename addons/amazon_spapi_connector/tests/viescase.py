"""VIES as far as it concerns us, on this machine."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest.mock import patch

from odoo.tests import new_test_user

from ..spapi import vies
from .taxcase import TaxCase


class Register(BaseHTTPRequestHandler):
    """What it was asked stands in `asked`, what it answers in `answers`."""

    asked: list = []
    answers: dict = {}

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(body)
        status, answer = self.answers.get(body["vatNumber"], (200, {"valid": False, "userError": "INVALID"}))
        payload = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *args):
        pass


class ViesCase(TaxCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        server = ThreadingHTTPServer(("127.0.0.1", 0), Register)
        cls.addClassCleanup(server.server_close)
        cls.addClassCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/check"
        cls.startClassPatcher(patch.dict(os.environ, {vies.VARIABLE: url}))
        cls.officer = new_test_user(cls.env, "vies_officer", groups="pii_retention.group_privacy_officer")

    def setUp(self):
        super().setUp()
        Register.asked, Register.answers = [], {}

    def _register(self, **values):
        """The Commission as an active recipient of personal data."""
        recipient = (
            self.env["pii.recipient"]
            .with_user(self.officer)
            .create(
                {
                    "name": "European Commission (VIES)",
                    "kind": "tax_intermediary",
                    "agreement": "Regulation (EU) 904/2010 art. 31",
                    "country_id": self.env.ref("base.be").id,
                    "company_id": False,
                    "scope_ids": [
                        (0, 0, {"purpose": "import_decision", "operational": True, "fiscal": True, **values})
                    ],
                }
            )
        )
        recipient.action_assess()
        recipient.action_activate()
        return recipient.with_env(self.env)

    def _run(self):
        self.env["spapi.account"]._cron_ask_vies()

    def registration(self, number):
        """Amazon's tax block of a buyer with this number."""
        row = {"entityType": "BUYER", "taxRegistrationType": "VAT", "taxRegistrationNumber": number}
        return {"taxRegistrations": [row]}

"""A printer over HTTP, reports on contacts, and a clerk with a browser session."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

from odoo.tests import HttpCase, JsonRpcException
from odoo.tools import mute_logger

from odoo.addons.pii_retention.tests.common import OPERATIONAL, VaultCase

TEXT_REPORT = "pii_retention_print.test_text"
PDF_REPORT = "pii_retention_print.test_pdf"


def _repository() -> Path:
    for folder in Path(__file__).resolve().parents:
        if (folder / "sandbox" / "printer" / "__main__.py").exists():
            return folder
    raise AssertionError("the sandbox package is not above this addon")


class SandboxPrinter:
    """A printer process of its own on a free port."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "sandbox.printer", "--port", "0", *options]
        self.process = subprocess.Popen(command, cwd=_repository(), stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert "listening on" in line, f"the printer did not start: {line!r}"
        self.uri = line.split()[-1]
        self.base = self.uri.removesuffix("/ipp/print")
        self.http = self.base.replace("ipp", "http", 1)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()

    def call(self, method: str, path: str, body=None) -> bytes:
        request = urllib.request.Request(
            f"{self.http}/control/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.read()

    def jobs(self, queue: str | None = None) -> list[dict]:
        return json.loads(self.call("GET", f"jobs?queue={queue}" if queue else "jobs"))

    def document(self, job_id: int) -> bytes:
        return self.call("GET", f"jobs/{job_id}/documents/0")

    def journal(self) -> list[str]:
        return [entry["operation"] for entry in json.loads(self.call("GET", "journal"))]

    def fault(self, kind: str, queue: str = "office", **more) -> None:
        self.call("POST", f"queues/{queue}/faults", {"kind": kind, **more})

    def repair(self, queue: str = "office") -> None:
        self.call("DELETE", f"queues/{queue}/faults")

    def change(self, queue: str = "office", **values) -> None:
        self.call("PATCH", f"queues/{queue}", values)

    def reset(self) -> None:
        self.call("POST", "reset")
        for queue in ("office", "labels"):
            self.change(queue, password=None, pages_per_second=0)


class PrintCase(HttpCase, VaultCase):
    """The clerk prints on a released printer; requests are real ones."""

    # the log and the rows of jobs need read/write connections beside a read-only request
    _registry_readonly_enabled = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.device = SandboxPrinter()
        cls.addClassCleanup(cls.device.close)
        for key, body in (
            (TEXT_REPORT, '<t t-foreach="docs" t-as="o" t-out="o.name"/>'),
            (
                PDF_REPORT,
                '<t t-call="web.basic_layout"><p t-foreach="docs" t-as="o" t-field="o.contact_address"/></t>',
            ),
        ):
            arch = f'<t t-name="{key}">{body}</t>'
            cls.env["ir.ui.view"].create({"type": "qweb", "name": key, "key": key, "arch": arch})
        cls.text_report, cls.pdf_report = cls.env["ir.actions.report"].create(
            [
                {
                    "name": name,
                    "model": "res.partner",
                    "report_type": kind,
                    "report_name": key,
                    "pii_purpose": "label",
                }
                for name, kind, key in (("Text slip", "qweb-text", TEXT_REPORT), ("Slip", "qweb-pdf", PDF_REPORT))
            ]
        )
        cls.printer = cls.new_printer("Packing table", cls.device.uri)
        cls.clerk.password = "vault_clerk-password"
        cls.env.flush_all()

    @classmethod
    def new_printer(cls, name, uri, release=True, **values):
        printer = cls.env["pii.printer"].create(
            {"name": name, "uri": uri, "total_seconds": 10, "connect_seconds": 2, "busy_seconds": 1, **values}
        )
        if release:
            cls.release(printer)
        return printer

    @classmethod
    def release(cls, printer):
        with cls.acting(cls.officer):
            printer.with_user(cls.officer).action_release()
        cls.env.flush_all()

    def setUp(self):
        super().setUp()
        self.device.reset()
        self.authenticate(self.clerk.login, "vault_clerk-password")

    # === THE WEB CLIENT === #

    def rpc(self, model, method, *args, **kwargs):
        result = self.make_jsonrpc_request(
            "/web/dataset/call_kw", {"model": model, "method": method, "args": list(args), "kwargs": kwargs}
        )
        self.env.invalidate_all()
        return result

    def prepare(self, records=None, report=TEXT_REPORT, **kwargs):
        ids = (records or self.partner).ids
        return self.rpc("ir.actions.report", "pii_print_prepare", report, ids, **kwargs)

    def send(self, job, **kwargs):
        """Send the parts of a job and ask about it as the web client does; return how it stands at the end."""
        state = job
        while state["more"] and not (state is not job and state["waiting"]):
            state = self.rpc("pii.print.job", "print_next", [job["job_id"]], **kwargs)
        return self.status(state) if state["state"] == "sent" else state

    def print(self, records=None, report=TEXT_REPORT, **kwargs):
        job = self.prepare(records, report, **kwargs)
        self.assertEqual(job["kind"], "job", job)
        return self.send(job, **kwargs)

    def refused(self, exception, *args, **kwargs):
        """Call as :meth:`rpc` and see it refused with this exception."""
        with mute_logger("odoo.http"), self.assertRaises(JsonRpcException) as caught:
            self.rpc(*args, **kwargs)
        self.assertIn(exception, str(caught.exception))

    def status(self, state):
        return self.rpc("pii.print.job", "print_status", [state["job_id"]])

    # === LOOKING === #

    def many(self, count, start=10):
        """Return the contacts of further customers."""
        partners = self.env["res.partner"]
        for number in range(start, start + count):
            values = {"operational": {**OPERATIONAL, "name": f"{OPERATIONAL['name']} {number}"}}
            partners |= self.seal(f"402-1234567-{number:07}", values)._partner()
        self.env.flush_all()
        return partners

    def log_rows(self, subject=None):
        """Return ``[(outcome, purpose, reason)]`` logged for the subject."""
        with self.env.registry.cursor() as cr:
            cr.execute(
                "SELECT outcome, purpose, reason FROM pii_access_log WHERE subject_uuid = %s ORDER BY id",
                [(subject or self.subject).uuid],
            )
            return cr.fetchall()

    def assertNothingKept(self):
        """No row of jobs, printers or attachments holds a word of the customer."""
        self.env.flush_all()
        for table in ("pii_print_job", "pii_print_part", "pii_print_choice", "pii_printer", "mail_message"):
            self.env.cr.execute(f"SELECT to_jsonb(t)::text FROM {table} t")  # pylint: disable=sql-injection
            self.assertNoCanary(self.env.cr.fetchall(), table)
        self.env.cr.execute("SELECT to_jsonb(t)::text FROM ir_attachment t WHERE create_date >= now()")
        self.assertNoCanary(self.env.cr.fetchall(), "ir_attachment")

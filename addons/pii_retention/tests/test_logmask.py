import ast
import importlib
import io
import logging
import traceback

from odoo.service.model import call_kw
from odoo.tests import tagged

from odoo.addons.pii_retention import logmask

from .common import OPERATIONAL, PERSON, VaultCase


@tagged("post_install", "-at_install")
class TestLogMask(VaultCase):
    def setUp(self):
        super().setUp()
        self.stream = io.StringIO()
        handler = logging.StreamHandler(self.stream)
        handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
        self.logger = logging.getLogger("pii.test.of.some.library")
        self.logger.addHandler(handler)
        self.logger.propagate = False
        self.addCleanup(self.logger.removeHandler, handler)

    def test_every_form_of_a_log_call_is_masked(self):
        name = PERSON["name"]
        with self.subject.with_user(self.clerk).reveal("label"):
            self.logger.warning("plain %s", name)
            self.logger.warning("upper %s", name.upper())
            self.logger.warning("dict %(vals)s", {"vals": {"name": name, "city": [PERSON["city"]]}})
            self.logger.warning("url /x?street=%s", OPERATIONAL["street"].replace(" ", "%20"))
            self.logger.warning("repr %r", OPERATIONAL)
            try:
                raise ValueError(f"bad address {PERSON['street']}")
            except ValueError:
                self.logger.exception("failed for %s", name)
            self.logger.warning("stack", stack_info=True)
        text = self.stream.getvalue()
        self.assertIn(logmask.MASK, text)
        self.assertIn("Traceback", text)
        self.assertNoCanary(text, "the log")
        self.assertNotIn("Uxbolstrasse", text)

    def test_nothing_is_masked_outside(self):
        self.logger.warning("hello %s", "Bolzano")
        self.assertIn("Bolzano", self.stream.getvalue())

    def test_a_broken_log_call_prints_no_arguments(self):
        with self.subject.with_user(self.clerk).reveal("label"):
            self.logger.warning("two %s %s", PERSON["name"])
        self.assertNoCanary(self.stream.getvalue(), "the log")

    def test_what_a_browser_sends_is_in_no_debug_record(self):
        with self.assertLogs("odoo.service.model", "DEBUG") as logs:
            call_kw(self.partner.sudo(), "write", [self.partner.ids, {"street": "Uxbolstrasse 7"}], {})
        self.assertIn("write", logs.output[0])
        self.assertNotIn("Uxbolstrasse", "".join(logs.output))

    def test_exceptions_that_keep_a_text_in_members_are_masked(self):
        street = PERSON["street"]

        def group():
            raise ExceptionGroup(f"several: {street}", [KeyError(street), ExceptionGroup(street, [ValueError(street)])])

        def from_group():
            try:
                group()
            except ExceptionGroup as error:
                raise RuntimeError("not sent") from error

        for name, fail in {
            "file": lambda: open(f"/nonexistent/{street}"),
            "module": lambda: importlib.import_module(PERSON["city"]),
            "syntax": lambda: ast.literal_eval(f"[{street}"),
            "group": group,
            "from group": from_group,
        }.items():
            with self.subTest(name):
                with self.assertRaises(Exception) as caught, self.subject.with_user(self.clerk).reveal("label"):
                    fail()
                text = "".join(traceback.format_exception(caught.exception))
                self.assertIn(logmask.MASK, text)
                self.assertNoCanary(text, "the traceback")

    def test_short_values_do_not_mask_the_world(self):
        pattern = logmask.compile_values(["12", "A", "Mario", "10115"])
        logmask.push(pattern)
        try:
            self.assertEqual(logmask.mask("12 A 310115 Mario 10115"), f"12 A 310115 {logmask.MASK} {logmask.MASK}")
        finally:
            logmask.pop()

import io
import json
import logging
import time
from threading import Thread

from markupsafe import escape

from odoo.exceptions import AccessError
from odoo.service.model import get_public_method
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.base.models.ir_qweb import QWebError
from odoo.addons.pii_retention import logmask

from .adversary import AdversaryCase
from .common import PERSON


@tagged("post_install", "-at_install")
class TestRevealDoors(AdversaryCase):
    def setUp(self):
        super().setUp()
        self.mine = self.subject.with_user(self.clerk)

    def test_a_template_error_carries_nothing_out(self):
        view = self.env["ir.ui.view"].create(
            {
                "type": "qweb",
                "name": "broken",
                "key": "pii_retention.broken",
                "arch": """<t t-name="pii_retention.broken"><p t-out="int(o.name)"/></t>""",
            }
        )
        with self.assertRaises(QWebError) as caught, mute_logger("odoo.addons.base.models.ir_qweb"):
            with self.mine.reveal("label") as env:
                env["ir.qweb"]._render(view.id, {"o": env["res.partner"].browse(self.partner.id)})
        error = caught.exception
        while error is not None:
            self.assertNoCanary(error, "the exception")
            self.assertNoCanary(vars(error), "the exception")
            error = error.__cause__ or error.__context__

    def test_what_an_exception_carries_is_masked_whatever_it_is(self):
        class Odd:
            def __init__(self, text):
                self.text = text

            def __str__(self):
                return self.text

        with self.assertRaises(ValueError) as caught, self.mine.reveal("label"):
            error = ValueError(Odd(PERSON["name"]), {"inner": [ValueError(PERSON["city"])]})
            error.add_note(PERSON["street"])
            raise error
        self.assertNoCanary(caught.exception)
        self.assertNoCanary(caught.exception.__notes__)

    def test_escaped_forms_are_masked(self):
        name = "Jürgen O'Brien-Müller & Söhne"
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        logger = logging.getLogger("pii.test.of.escapes")
        logger.addHandler(handler)
        logger.propagate = False
        self.addCleanup(logger.removeHandler, handler)
        subject = self.seal("402-0000000-0000005", {"operational": {"name": name, "phone": "+49 30 99887766"}})
        with subject.with_user(self.clerk).reveal("label"):
            logger.warning(json.dumps({"name": name}))
            logger.warning("<Name>%s</Name>", name.replace("&", "&amp;"))
            logger.warning("<b>%s</b>", escape(name))
            logger.warning("%r", name.encode())
            logger.warning("<x>%s</x>", name.replace("&", "&amp;").encode("ascii", "xmlcharrefreplace").decode())
            logger.warning("sms to %s", "+493099887766")
        text = stream.getvalue()
        self.assertEqual(text.count(logmask.MASK), 6, text)

    def test_the_cache_of_the_outer_cursor_is_left_alone(self):
        self.env.cr.cache["x"] = 1
        with self.mine.reveal("label") as env:
            env.cr.cache["y"] = PERSON["name"]
        self.assertEqual(self.env.cr.cache.get("x"), 1)
        self.assertNotIn("y", self.env.cr.cache)

    def test_savepoints_inside_keep_the_seed_and_the_lock(self):
        with mute_logger("odoo.sql_db"), self.mine.reveal("label") as env:
            partner = env["res.partner"].browse(self.partner.id)
            with self.assertRaises(ZeroDivisionError), env.cr.savepoint():
                raise ZeroDivisionError(partner.name)
            self.assertEqual(partner.name, PERSON["name"])
            with self.assertRaisesRegex(Exception, "read-only"), env.cr.savepoint():
                partner.sudo().write({"ref": "x"})
            with self.assertRaisesRegex(Exception, "read-only"), env.cr.savepoint():
                env.cr.execute("UPDATE res_partner SET ref = 'x'")
            self.assertEqual(partner.name, PERSON["name"])
        self.partner.ref = "alive"
        self.env.flush_all()

    def test_an_abandoned_generator_closes_its_reveal_elsewhere(self):
        """The collector may close it in another thread, which has no values registered."""

        def rows():
            with self.mine.reveal("label") as env:
                yield env["res.partner"].browse(self.partner.id).name

        generator = rows()
        next(generator)
        failures = []

        def close():
            try:
                generator.close()
            except BaseException as error:  # noqa: BLE001 whatever it is, it is the finding
                failures.append(error)

        thread = Thread(target=close)
        thread.start()
        thread.join()
        self.assertFalse(failures)
        self.assertEqual(logmask.mask(PERSON["name"]), PERSON["name"], "the thread that opened it is free again")
        self.partner.ref = "alive"
        self.env.flush_all()

    def test_a_record_of_the_outside_is_refused_too_inside(self):
        with self.assertRaises(Exception), mute_logger("odoo.sql_db"), self.mine.reveal("label") as env:  # noqa: B017
            self.partner.ref = env["res.partner"].browse(self.partner.id).name
        self.env.flush_all()
        self.assertNoCanary(self.at_rest("res_partner", self.partner.id), "res_partner")

    def test_what_writes_nothing_is_allowed(self):
        """Rendering an invoice goes through empty writes and deletions, and assigns what is not stored."""
        with self.mine.reveal("label") as env:
            nobody = env["res.partner"].sudo()
            self.assertTrue(nobody.write({"ref": "x"}))
            self.assertTrue(nobody.unlink())
            self.assertFalse(nobody.create([]))
            partner = nobody.browse(self.partner.id)
            partner.active_lang_count = 77
            self.assertEqual(partner.active_lang_count, 77)
        self.assertNotEqual(self.partner.active_lang_count, 77)

    def test_reveal_is_no_remote_procedure(self):
        with self.assertRaises(AccessError):
            get_public_method(self.mine, "reveal")

    def test_many_persons_open_quickly(self):
        values = [f"{chr(97 + n % 26)}{n}-{key} {PERSON['name']}" for n in range(500) for key in range(12)]
        start = time.perf_counter()
        registration = logmask.push(logmask.compile_values(values))
        try:
            logmask.mask("the first look builds the index")
            first = time.perf_counter() - start
            start = time.perf_counter()
            logmask.mask("SELECT 1 FROM res_partner WHERE id IN (1, 2, 3) " * 20)
            look = time.perf_counter() - start
        finally:
            logmask.pop(registration)
        print(f"FIGURE logmask_index_500_persons {first:.2f} s")
        print(f"FIGURE logmask_mask_one_kilobyte {look * 1000:.1f} ms")
        self.assertLess(look, 0.05)

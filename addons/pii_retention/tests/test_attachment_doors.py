"""Every address under which Odoo hands out files, tried by everybody, on sealed ones."""

import base64
import io
import json
import zipfile

from odoo.http import Request
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.pii_retention import files
from odoo.addons.pii_retention.tests.adversary import PNG
from odoo.addons.pii_retention.tests.common import PERSON, VaultCase

CONTENT = f"<Invoice><Name>{PERSON['name']}</Name><Street>{PERSON['street']}</Street></Invoice>".encode()
#: How a sealed container begins.
MAGIC = b"PIIS"


@tagged("post_install", "-at_install")
class TestSealedFileDoors(HttpCase, VaultCase):
    # the log needs a read/write connection beside a read-only request: real ones are, those of the tests are not
    _registry_readonly_enabled = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.portal = new_test_user(cls.env, "vault_portal", groups="base.group_portal")
        for user in (cls.clerk, cls.nobody, cls.portal):
            user.password = user.login + "-password"
        cls.probes = 0

    @classmethod
    def tearDownClass(cls):
        print("FIGURE sealed_file_doors", cls.probes, "probes")
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.file = self.attach("document.xml", CONTENT, "text/plain")
        self.picture = self.attach("label.png", PNG, "image/png")
        self.paper = self.attach("document.pdf", b"%PDF-1.4 " + CONTENT, "application/pdf")

    def attach(self, name, content, mimetype, **vals):
        return self.env["ir.attachment"].create(
            {
                "name": name,
                "raw": content,
                "mimetype": mimetype,
                "res_model": "res.partner",
                "res_id": self.partner.id,
                **vals,
            }
        )

    def sign_in(self, user):
        if user:
            self.authenticate(user.login, user.login + "-password")
        else:
            self.logout(keep_db=True)
            self.authenticate(None, None)

    def get(self, url, **kwargs):
        type(self).probes += 1
        return self.url_open(url, allow_redirects=False, **kwargs)

    def rpc(self, model, method, *args, **kwargs):
        return self.get(
            "/web/dataset/call_kw",
            data=json.dumps({"params": {"model": model, "method": method, "args": args, "kwargs": kwargs}}),
            headers={"Content-Type": "application/json"},
        )

    def outcomes(self):
        self.env.cr.execute("SELECT outcome FROM pii_access_log WHERE subject_uuid = %s", [self.subject.uuid])
        return [row[0] for row in self.env.cr.fetchall()]

    def addresses(self):
        """Return ``{url: attachment}`` of all forms of the two routes for files."""
        token = self.file.generate_access_token()[0]
        record = self.env["ir.model.data"].create(
            {"module": "vault_test", "name": "sealed", "model": "ir.attachment", "res_id": self.file.id}
        )
        xmlid, number, picture = record.complete_name, self.file.id, self.picture.id
        return {
            f"/web/content/{number}": self.file,
            f"/web/content?id={number}": self.file,
            f"/web/content?model=ir.attachment&id={number}&field=datas": self.file,
            f"/web/content/{number}/other.txt": self.file,
            f"/web/content/{xmlid}": self.file,
            f"/web/content/{xmlid}/other.txt": self.file,
            f"/web/content/ir.attachment/{number}/raw": self.file,
            f"/web/content/ir.attachment/{number}/datas": self.file,
            f"/web/content/ir.attachment/{number}/db_datas": self.file,
            f"/web/content/ir.attachment/{number}/raw/other.txt": self.file,
            f"/web/content/{number}?download=true": self.file,
            f"/web/content/{number}?unique=abc": self.file,
            f"/web/content/{number}?nocache=true&mimetype=text/html": self.file,
            f"/web/content/{number}?access_token={token}": self.file,
            f"/web/content/{number}?access_token={self.file._get_raw_access_token()}": self.file,
            f"/web/content/{self.paper.id}": self.paper,
            f"/web/image/{picture}": self.picture,
            f"/web/image?id={picture}": self.picture,
            f"/web/image/{picture}/label.png": self.picture,
            f"/web/image/{picture}-abc": self.picture,
            f"/web/image/ir.attachment/{picture}/raw": self.picture,
            f"/web/image/ir.attachment/{picture}/datas": self.picture,
            f"/web/image/{picture}?download=true": self.picture,
            f"/web/image/{picture}?access_token={self.picture._get_raw_access_token()}": self.picture,
        }

    def assertClosed(self, response, where, statuses=(403,)):
        self.assertIn(response.status_code, statuses, where)
        self.assertNoCanary(response.text, where)
        for secret in (MAGIC, PNG, b"Traceback"):
            self.assertNotIn(secret, response.content, where)

    # === ROUTES FOR FILES === #

    def test_every_address_opens_for_whoever_may(self):
        addresses = self.addresses()
        contents = {self.file: CONTENT, self.picture: PNG, self.paper: b"%PDF-1.4 " + CONTENT}
        self.sign_in(self.clerk)
        before = self.outcomes().count("opened")
        for url, attachment in addresses.items():
            response = self.get(url)
            self.assertEqual(response.status_code, 200, url)
            self.assertEqual(response.content, contents[attachment], url)
            self.assertEqual(response.headers["Cache-Control"], "no-store", url)
            for name in ("ETag", "Expires", "Last-Modified"):
                self.assertNotIn(name, response.headers, url)
        self.assertEqual(self.outcomes().count("opened") - before, len(addresses))

    def test_every_address_is_closed_to_everybody_else(self):
        addresses = self.addresses()
        for user in (self.nobody, self.portal, None):
            self.sign_in(user)
            for url in addresses:
                # who has neither a token nor a right to the record hears nothing of it
                statuses = (403,) if user == self.nobody or "access_token" in url else (403, 404, 200)
                response = self.get(url)
                if response.status_code == 200:
                    self.assertIn("/web/image", url, "the grey square")
                self.assertClosed(response, f"{url} for {user and user.login}", statuses)
        self.assertNotIn("opened", self.outcomes())

    def test_a_resized_picture(self):
        self.sign_in(self.clerk)
        for url in (f"/web/image/{self.picture.id}/1x1", f"/web/image/{self.picture.id}?width=1&height=1&crop=1"):
            response = self.get(url)
            self.assertEqual(response.headers["Content-Type"], "image/png")
            self.assertEqual(response.headers["Cache-Control"], "no-store")

    def test_a_file_that_is_served_by_its_own_address(self):
        self.file.url = "/vault-door.txt"
        self.sign_in(self.clerk)
        self.assertEqual(self.get("/vault-door.txt").content, CONTENT)
        for user in (self.nobody, self.portal, None):
            self.sign_in(user)
            self.assertClosed(self.get("/vault-door.txt"), user and user.login, (403, 404))

    def test_pictures_on_cards_open_nothing(self):
        for field in ("image_1920", "image_128"):
            self.assertTrue(self.attach(field, PNG, "image/png", res_field=field).pii_subject_id)
        for user in (self.clerk, self.nobody):
            self.sign_in(user)
            for field in ("image_1920", "image_128", "avatar_128", "avatar_1920"):
                response = self.get(f"/web/image/res.partner/{self.partner.id}/{field}")
                self.assertEqual(response.status_code, 200, field)
                self.assertTrue(response.headers["Content-Type"].startswith("image/"))
                self.assertNotIn(PNG, response.content)
                self.assertNotIn(MAGIC, response.content)
            with mute_logger("odoo.http"):
                response = self.rpc("res.partner", "web_read", self.partner.ids, specification={"avatar_128": {}})
            self.assertNotIn(base64.b64encode(PNG), response.content)
        self.assertFalse(self.outcomes())
        self.sign_in(self.clerk)
        response = self.get(f"/web/content/res.partner/{self.partner.id}/image_1920")
        self.assertEqual(response.content, PNG, "who asks for the file itself passes the gate")

    # === MAIL === #

    def test_the_zip_of_a_message(self):
        url = "/mail/attachment/zip"
        for user in (self.clerk, self.nobody, self.portal, None):
            self.sign_in(user)
            data = {
                "file_ids": f"{self.file.id},{self.picture.id}",
                "zip_name": "all.zip",
                "csrf_token": self.csrf_token(),
            }
            with mute_logger("odoo.http"):
                response = self.get(url, data=data)
            if user != self.clerk:
                self.assertClosed(response, user and user.login)
                continue
            with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
                self.assertEqual(archive.read("document.xml"), CONTENT)
                self.assertEqual(archive.read("label.png"), PNG)
            self.assertEqual(response.headers["Cache-Control"], "no-store")
            self.assertEqual(self.outcomes(), ["opened"], "one row for all files of one person")

    def test_no_preview_is_made(self):
        for user in (self.clerk, self.nobody, self.portal, None):
            self.sign_in(user)
            with mute_logger("odoo.http"):
                response = self.get(f"/mail/attachment/pdf_first_page/{self.paper.id}")
            self.assertClosed(response, user and user.login, (403, 404))
        self.sign_in(self.clerk)
        with mute_logger("odoo.http"):
            self.get(
                "/mail/attachment/update_thumbnail",
                data=json.dumps(
                    {
                        "params": {
                            "attachment_id": self.paper.id,
                            "thumbnail": base64.b64encode(PNG).decode(),
                            "access_token": self.paper._get_ownership_token(),
                        }
                    }
                ),
                headers={"Content-Type": "application/json"},
            )
        self.assertFalse(self.paper.has_thumbnail)
        self.assertFalse(self.env["ir.attachment"].sudo().search([("res_field", "=", "thumbnail")]).raw)

    def test_the_chatter_shows_no_preview(self):
        self.partner.message_post(body="see", attachment_ids=self.paper.ids)
        self.sign_in(self.clerk)
        response = self.get(
            "/mail/thread/messages",
            data=json.dumps({"params": {"thread_model": "res.partner", "thread_id": self.partner.id}}),
            headers={"Content-Type": "application/json"},
        )
        shown = next(file for file in response.json()["result"]["data"]["ir.attachment"] if file["id"] == self.paper.id)
        self.assertEqual(shown["mimetype"], "application/octet-stream")
        self.assertFalse(shown["has_thumbnail"])
        self.assertFalse(self.outcomes())

    def test_an_upload_for_a_message_is_sealed_before_it_is_sent(self):
        self.sign_in(self.nobody)
        for pending in ("true", "false"):
            response = self.get(
                "/mail/attachment/upload",
                data={
                    "csrf_token": self.csrf_token(),
                    "thread_id": self.partner.id,
                    "thread_model": "res.partner",
                    "is_pending": pending,
                },
                files={"ufile": ("slip.txt", CONTENT, "text/plain")},
            )
            attachment = self.env["ir.attachment"].browse(response.json()["data"]["attachment_id"])
            self.assertEqual(attachment.pii_subject_id, self.subject)
            self.assertEqual(attachment.pii_class, "operational")
            self.assertTrue(bytes(files.stored(attachment)).startswith(MAGIC))

    # === CALLS === #

    def test_no_call_reads_the_content(self):
        attachment, number = "ir.attachment", self.file.id
        calls = [
            (attachment, "read", [number], ["raw"]),
            (attachment, "read", [number], ["datas"]),
            (attachment, "export_data", [number], ["name", "datas"]),
            (attachment, "copy", [number]),
            (attachment, "copy_data", [number]),
            (attachment, "search_read", [["id", "=", number]], ["raw"]),
        ]
        for user in (self.clerk, self.nobody):
            self.sign_in(user)
            for model, method, *args in calls:
                with mute_logger("odoo.http"):
                    response = self.rpc(model, method, *args)
                self.assertIn("error", response.json(), method)
                self.assertIn("odoo.exceptions", response.json()["error"]["data"]["name"], method)
                self.assertNoCanary(base64.b64decode(base64.b64encode(response.content)), method)
                self.assertNotIn(base64.b64encode(CONTENT)[:40], response.content, method)
            shown = {"name": {}, "file_size": {}, "raw": {}, "datas": {}}
            response = self.rpc(attachment, "web_search_read", [["id", "=", number]], shown, context={"bin_size": True})
            self.assertEqual(response.json()["result"]["length"], 1, "a list shows its rows")
            self.assertRegex(response.json()["result"]["records"][0]["datas"], "Kb$")

    # === A PURPOSE OF ONE'S OWN === #

    def test_a_file_for_a_stated_purpose(self):
        self.grant(self.clerk, "customer_service")
        self.sign_in(self.clerk)
        url = f"/pii/file/{self.file.id}"
        stated = {"purpose": "customer_service", "reason": "the buyer asked what was printed"}
        response = self.get(url, data={**stated, "csrf_token": self.csrf_token()})
        self.assertEqual(response.content, CONTENT)
        self.assertEqual(response.headers["Cache-Control"], "no-store")
        for refused in ({"purpose": "invoice"}, {"purpose": "nonsense"}, {"purpose": "customer_service"}):
            with mute_logger("odoo.http"):
                response = self.get(url, data={**refused, "reason": "x", "csrf_token": self.csrf_token()})
            self.assertClosed(response, refused)

    def csrf_token(self):
        return Request.csrf_token(self)

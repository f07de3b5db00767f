"""Archived documents on their way to the browser of who asked for them."""

from __future__ import annotations

import re

from odoo.exceptions import AccessError
from odoo.http import Controller, content_disposition, request, route

from .. import archive_reading


class ArchiveController(Controller):
    @route("/pii/archive/<int:request_id>/<int:item_id>", type="http", auth="user", methods=["GET"])
    def show(self, request_id, item_id):
        """Show one document inside the time box of an approved request; nothing on the way keeps it.

        :raise AccessError: refused, and logged
        :raise UserError: the document or its key is damaged or gone
        """
        env = request.env
        item = env["pii.archive.item"].browse(item_id).exists()
        leave = env["pii.archive.request"].browse(request_id)
        if not item or not item.has_access("read"):
            raise AccessError(env._("There is no such document, or you may not see that it exists."))
        content = archive_reading.read(leave, item)
        # sudo: the line of the document was read above
        known = item.sudo()
        # an XML that is rendered could run a script in this session
        shown = "application/pdf" if known.mimetype == "application/pdf" else "text/plain; charset=utf-8"
        name = re.sub(r"[^\w.-]+", "-", known.reference) + ("." + known.part if known.part != "other" else "")
        return request.make_response(
            content,
            [
                ("Content-Type", shown),
                ("Content-Length", len(content)),
                ("Content-Disposition", content_disposition(name, "inline")),
                ("X-Content-Type-Options", "nosniff"),
                ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'"),
                ("Referrer-Policy", "no-referrer"),
                ("Cache-Control", "no-store"),
            ],
        )

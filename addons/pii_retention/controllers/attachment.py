"""Sealed files on their way in from a browser, and out to it for a purpose that the person names."""

from __future__ import annotations

from odoo.exceptions import UserError
from odoo.http import Controller, content_disposition, request, route

from odoo.addons.mail.controllers.attachment import AttachmentController

from .. import files
from ..rendered import remember_rendered


class SealedFileController(Controller):
    @route("/pii/file/<int:attachment_id>", type="http", auth="user", methods=["POST"])
    def download(self, attachment_id, purpose, reason=""):
        """Send one file through the gate, for another purpose than the one that follows from its class.

        :param purpose: a code of ``purposes.PURPOSES`` whose classes cover the file's
        :param reason: what the person states, for the log
        """
        attachment = request.env["ir.attachment"].browse(attachment_id).exists()
        # sudo: whether a file is sealed is no secret
        if not attachment or not attachment.sudo().pii_subject_id:
            raise UserError(request.env._("This file does not exist any more. Reload the page."))
        content = files.content(attachment, purpose, reason or None)
        return request.make_response(
            content,
            [
                ("Content-Type", "application/octet-stream"),
                ("Content-Length", len(content)),
                ("Content-Disposition", content_disposition(attachment.name)),
                ("X-Content-Type-Options", "nosniff"),
                ("Cache-Control", "no-store"),
            ],
        )


class SealedUploadController(AttachmentController):
    @route()
    def mail_attachment_upload(self, ufile, thread_id, thread_model, is_pending=False, **kwargs):
        # a file of a message that is still being written belongs to no record yet, but its person is known
        # sudo: whose record it is decides how the file is stored, whoever uploads it
        subject = request.env["ir.attachment"].sudo()._pii_subject_of(thread_model, int(thread_id))
        if subject:
            content = ufile.read()
            ufile.seek(0)
            remember_rendered(request.env.cr, content, (subject.id,), files.class_of_model(thread_model))
        return super().mail_attachment_upload(ufile, thread_id, thread_model, is_pending=is_pending, **kwargs)

    def _make_zip(self, name, attachments):
        # one answer for all files, and one row in the log for each person
        with files.opened(attachments) as inside:
            response = super()._make_zip(name, inside)
        if attachments._pii_subjects():
            response.headers["Cache-Control"] = "no-store"
        return response

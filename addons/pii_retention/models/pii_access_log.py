import hashlib

import psycopg2.extras

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.http import request

from ..purposes import SELECTION


class PiiAccessLog(models.Model):
    _name = "pii.access.log"
    _description = "Access to Personal Data"
    _order = "id desc"
    _rec_name = "subject_uuid"
    # rows outlive users, companies and subjects, and are written while those may not be committed yet:
    # plain ids, no foreign keys, no create_uid
    _log_access = False
    _allow_sudo_commands = False

    at = fields.Datetime(string="When", required=True, readonly=True, index=True)
    user_ref = fields.Integer(string="User ID", required=True, readonly=True, index=True)
    user_id = fields.Many2one("res.users", string="Who", compute="_compute_links", search="_search_user_id")
    company_ref = fields.Integer(string="Company ID", readonly=True, index=True)
    company_id = fields.Many2one("res.company", compute="_compute_links")
    subject_uuid = fields.Char(string="Subject", required=True, readonly=True, index=True)
    reference = fields.Char(readonly=True, help="The order or document of the subject; never a name.")
    classes = fields.Char(readonly=True)
    purpose = fields.Selection(SELECTION, readonly=True)
    reason = fields.Char(readonly=True)
    channel = fields.Char(readonly=True)
    session = fields.Char(readonly=True, help="Fingerprint of the web session.")
    address = fields.Char(string="Network Address", readonly=True)
    outcome = fields.Selection(
        [("opened", "Opened"), ("refused", "Refused"), ("failed", "Failed"), ("empty", "Nothing held")],
        required=True,
        readonly=True,
    )

    @api.depends("user_ref", "company_ref")
    def _compute_links(self):
        users = self.env["res.users"].with_context(active_test=False).browse(self.mapped("user_ref")).exists()
        companies = self.env["res.company"].browse(self.mapped("company_ref")).exists()
        for row in self:
            row.user_id = row.user_ref if row.user_ref in users._ids else False
            row.company_id = row.company_ref if row.company_ref in companies._ids else False

    def _search_user_id(self, operator, value):
        if operator != "in":
            return NotImplemented
        return [("user_ref", "in", [item for item in value if isinstance(item, int)])]

    @api.model_create_multi
    def create(self, vals_list):  # pylint: disable=method-required-super
        raise UserError(self.env._("The access log is written by the reveal only."))

    def write(self, vals):  # pylint: disable=method-required-super
        raise UserError(self.env._("The access log cannot be changed."))

    def unlink(self):  # pylint: disable=method-required-super
        raise UserError(self.env._("The access log cannot be deleted."))

    @api.model
    def _append(self, subjects, purpose, outcome, *, classes=(), reason=None):
        """Write one row per subject and commit them, on a connection of their own.

        They survive a rollback of the caller's transaction. Any error here reaches the caller, who must then
        reveal nothing.

        :param subjects: ``pii.subject`` recordset
        :param purpose: code of a purpose, or None when an unknown one was asked for
        :param outcome: ``opened``, ``refused``, ``failed`` or ``empty``
        """
        address = session = None
        channel = "server"
        if request:
            channel = "http"
            address = request.httprequest.remote_addr
            sid = getattr(request.session, "sid", None)
            session = hashlib.sha256(sid.encode()).hexdigest()[:16] if sid else None
        rows = [
            (
                self.env.uid,
                subject.company_id.id or None,
                subject.uuid,
                subject.reference,
                ",".join(classes) or None,
                purpose,
                reason or None,
                channel,
                session,
                address,
                outcome,
            )
            # sudo: the log names what was asked for, whether or not the asker may see the subject
            for subject in subjects.sudo()
        ]
        with self.env.registry.cursor() as cr:
            psycopg2.extras.execute_values(
                cr,
                """INSERT INTO pii_access_log (at, user_ref, company_ref, subject_uuid, reference, classes,
                       purpose, reason, channel, session, address, outcome) VALUES %s""",
                rows,
                template="(clock_timestamp() at time zone 'UTC', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                page_size=500,
            )

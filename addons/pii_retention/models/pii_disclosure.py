from odoo import api, fields, models
from odoo.exceptions import UserError

from ..purposes import SELECTION


class PiiDisclosure(models.Model):
    """The ledger of what left for third parties: who got which classes of whose data, why, when. Append-only.

    No personal data: subjects by UUID and reference, as in the access log.
    """

    _name = "pii.disclosure"
    _description = "Disclosure of Personal Data"
    _order = "id desc"
    _rec_name = "reference"
    # rows outlive subjects, recipients and users, and are written while those may not be committed yet
    _log_access = False
    _allow_sudo_commands = False

    at = fields.Datetime(string="When", required=True, readonly=True, index=True)
    transfer = fields.Char(
        required=True, readonly=True, index=True, help="The same for all rows of one sending, its refusal or failure."
    )
    recipient_ref = fields.Integer(string="Recipient ID", readonly=True, index=True)
    recipient_name = fields.Char(string="Recipient", readonly=True, help="As it was registered at that moment.")
    company_ref = fields.Integer(string="Company ID", readonly=True, index=True)
    company_id = fields.Many2one("res.company", compute="_compute_links")
    subject_uuid = fields.Char(string="Subject", required=True, readonly=True, index=True)
    reference = fields.Char(readonly=True, help="The order or document of the subject; never a name.")
    classes = fields.Char(readonly=True)
    purpose = fields.Selection(SELECTION, readonly=True)
    document = fields.Char(readonly=True, help="What was sent, by reference.")
    reason = fields.Char(readonly=True)
    user_ref = fields.Integer(string="User ID", required=True, readonly=True, index=True)
    user_id = fields.Many2one("res.users", string="Who", compute="_compute_links")
    outcome = fields.Selection(
        [("sent", "Sent"), ("refused", "Refused"), ("failed", "Failed afterwards")],
        required=True,
        readonly=True,
        help="“Sent” is written before the data can leave. “Failed afterwards”: the sending ended in an error, and the "
        "recipient may have the data nonetheless.",
    )

    def init(self):
        """Let the database refuse changes, whoever tries."""
        self.env.cr.execute(
            """CREATE OR REPLACE FUNCTION pii_disclosure_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
               BEGIN
                   RAISE EXCEPTION 'The ledger of disclosures is only added to.'
                         USING ERRCODE = 'insufficient_privilege';
               END $$;
               DROP TRIGGER IF EXISTS pii_disclosure_append_only ON pii_disclosure;
               CREATE TRIGGER pii_disclosure_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
                   ON pii_disclosure FOR EACH STATEMENT EXECUTE FUNCTION pii_disclosure_append_only()"""
        )

    @api.depends("user_ref", "company_ref")
    def _compute_links(self):
        users = self.env["res.users"].with_context(active_test=False).browse(self.mapped("user_ref")).exists()
        companies = self.env["res.company"].browse(self.mapped("company_ref")).exists()
        for row in self:
            row.user_id = row.user_ref if row.user_ref in users._ids else False
            row.company_id = row.company_ref if row.company_ref in companies._ids else False

    @api.model_create_multi
    def create(self, vals_list):  # pylint: disable=method-required-super
        raise UserError(self.env._("The ledger of disclosures is written by the sending only."))

    def write(self, vals):  # pylint: disable=method-required-super
        raise UserError(self.env._("The ledger of disclosures cannot be changed."))

    def unlink(self):  # pylint: disable=method-required-super
        raise UserError(self.env._("The ledger of disclosures cannot be deleted."))

from odoo import fields, models
from odoo.exceptions import UserError

from .. import certificate_seals, certificates


class PiiCertificate(models.Model):
    """What was destroyed, how, and how that was verified. Sealed once, never changed, and naming nobody."""

    _name = "pii.certificate"
    _description = "Certificate of Erasure"
    _order = "id desc"
    _allow_sudo_commands = False

    name = fields.Char(string="Number", required=True, readonly=True, default="/", copy=False)
    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True, ondelete="restrict")
    kind = fields.Selection(
        [
            ("deadline", "On the day"),
            ("early", "Before the day"),
            ("request", "On request"),
            ("restore", "After a restore"),
            ("archive", "Legal archive"),
        ],
        required=True,
        readonly=True,
    )
    reason = fields.Selection(certificates.REASONS, required=True, readonly=True)
    request_ref = fields.Char(string="Request", readonly=True)
    run_id = fields.Many2one(
        "pii.purge.run", string="Purge", readonly=True, ondelete="restrict", index="btree_not_null"
    )
    state = fields.Selection(
        [("open", "Under way"), ("sealed", "Sealed")], required=True, default="open", readonly=True, index=True
    )
    method = fields.Text(readonly=True)
    technique = fields.Text(readonly=True)
    key_ids = fields.Text(string="Destroyed Keys", readonly=True)
    subject_count = fields.Integer(string="Data Subjects", readonly=True)
    file_count = fields.Integer(string="Files", readonly=True)
    leftover_count = fields.Integer(
        string="Remains", readonly=True, help="Messages, mails, activities and the like that were deleted or emptied."
    )
    digest = fields.Char(
        string="Digest of Subjects", readonly=True, help="SHA-256 over the sorted identifiers of the data subjects."
    )
    started_on = fields.Datetime(required=True, readonly=True, default=fields.Datetime.now)
    finished_on = fields.Datetime(readonly=True)
    verification = fields.Selection([("passed", "Passed"), ("failed", "Failed")], readonly=True)
    verification_text = fields.Text(string="What Was Verified", readonly=True)
    operator = fields.Char(readonly=True)
    previous_seal = fields.Char(readonly=True, help="Seal of the certificate before: no certificate can be taken out.")
    seal = fields.Char(readonly=True)
    # a MAC over what is counted so far, while the erasure is under way; see certificate_seals.py
    open_seal = fields.Char(readonly=True, copy=False, groups="pii_retention.group_auditor")
    seal_key_id = fields.Char(string="Key of the Seal", readonly=True)
    subject_ids = fields.One2many("pii.subject", "certificate_id", string="Erased Data Subjects", readonly=True)

    _run_unique = models.UniqueIndex("(run_id) WHERE run_id IS NOT NULL", "A purge has one certificate.")
    _number_unique = models.UniqueIndex("(name) WHERE state = 'sealed'", "A certificate has a number of its own.")

    def write(self, vals):
        if any(certificate.state == "sealed" for certificate in self):
            raise UserError(self.env._("A certificate that was sealed is not changed any more."))
        return super().write(vals)

    def unlink(self):
        if any(certificate.state == "sealed" for certificate in self):
            raise UserError(self.env._("A certificate that was sealed is kept."))
        return super().unlink()

    def action_print(self):
        """Print the certificate."""
        self.check_access("read")
        return self.env.ref("pii_retention.pii_certificate_report").report_action(self)

    def action_verify(self):
        """Check the seal, its place in the chain and that every key it names is destroyed, and say what was found."""
        self.ensure_one()
        self.check_access("read")
        if self.state != "sealed":
            raise UserError(self.env._("The erasure is still under way; the certificate is sealed at its end."))
        # sudo: identifiers of erased subjects are counted, none is shown
        found = certificate_seals.faults(self.sudo())
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.env._("Certificate %s", self.name),
                "message": "\n".join(found)
                or self.env._(
                    "Genuine: unchanged since it was sealed, in its place in the chain, and every key is gone."
                ),
                "type": "danger" if found else "success",
                "sticky": bool(found),
            },
        }

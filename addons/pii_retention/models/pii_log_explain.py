from odoo import fields, models
from odoo.exceptions import AccessError


class PiiLogExplain(models.TransientModel):
    """The dialog in which an officer says what became of findings in the access log."""

    _name = "pii.log.explain"
    _description = "Explain Findings in the Access Log"

    check_id = fields.Many2one("pii.log.check", required=True, readonly=True, ondelete="cascade")
    explanation = fields.Text(
        required=True, help="For instance: the database was restored from the backup of Monday night, by whom and why."
    )

    def action_close(self):
        """Keep the explanation and close the officers' activities."""
        self.ensure_one()
        if not self.env.user.has_group("pii_retention.group_privacy_officer"):
            raise AccessError(self.env._("Only a privacy officer explains findings in the access log."))
        # sudo: results are written by the server only
        check = self.check_id.sudo()
        check.write({"state": "examined", "explanation": self.explanation})
        check.activity_unlink(["pii_retention.activity_log_finding"])
        return {"type": "ir.actions.act_window_close"}

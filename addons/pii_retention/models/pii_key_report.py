from odoo import api, fields, models
from odoo.exceptions import UserError

from .. import keys

#: Lines of the log of key operations that a report shows; all of them lie beside the keys.
SHOWN_OPERATIONS = 200


class PiiKeyReport(models.TransientModel):
    """What a check of the key store found, made for whoever asked."""

    _name = "pii.key.report"
    _description = "Report on the Key Store"
    _rec_name = "store_id"

    at = fields.Datetime(string="Checked", readonly=True)
    verdict = fields.Selection(
        [("good", "In Order"), ("warning", "Needs Attention"), ("error", "Not Safe")], readonly=True
    )
    store_id = fields.Char(readonly=True)
    master_key = fields.Char(readonly=True, help="What keys are wrapped with now.")
    key_count = fields.Integer(string="Keys", readonly=True)
    outdated_count = fields.Integer(string="To Be Re-wrapped", readonly=True)
    finding_ids = fields.One2many("pii.key.finding", "report_id", readonly=True)
    operation_ids = fields.One2many("pii.key.operation", "report_id", readonly=True)

    def action_rewrap(self):
        """Wrap the keys with the present master key, from the report that told to."""
        return self.env["pii.key"].action_rewrap()

    def action_again(self):
        """Check once more."""
        return self.env["pii.key"].action_check()

    @api.model
    def _make(self):
        """Return a new report; a store that cannot be used is what it reports, not an error."""
        findings = keys.self_check(self.env)
        worst = findings[0].severity if findings else "info"
        values = {
            "at": fields.Datetime.now(),
            "verdict": "good" if worst == "info" else worst,
            "finding_ids": [
                (0, 0, {"sequence": number, "severity": finding.severity, "code": finding.code, "text": finding.text})
                for number, finding in enumerate(findings)
            ],
        }
        try:
            label, entries = keys.inventory(self.env)
            lines = keys.operations(self.env, SHOWN_OPERATIONS)
            values |= {
                "store_id": keys.store_id(self.env),
                "master_key": label or self.env._("does not answer"),
                "key_count": len(entries),
                "outdated_count": len([entry for entry in entries if label and entry.label and entry.label != label]),
                "operation_ids": [(0, 0, self._line(number, line)) for number, line in enumerate(lines)],
            }
        except UserError:
            values["verdict"] = "error"  # among the findings already
        return self.create(values)

    @api.model
    def _line(self, number, line):
        known = dict(self.env["pii.key.operation"]._fields["operation"].selection)
        return {
            "sequence": number,
            "at": line.at,
            "operation": line.operation if line.operation in known else "other",
            "key_id": line.key_id,
            "outcome": "done" if line.outcome == "done" else "failed",
            "detail": line.detail,
            "actor": line.actor,
        }

from odoo import api, fields, models


class PiiLogFinding(models.Model):
    """One thing that is wrong with the access log, and the rows or the seal that it concerns."""

    _name = "pii.log.finding"
    _description = "Finding in the Access Log"
    _order = "id"
    _allow_sudo_commands = False

    check_id = fields.Many2one("pii.log.check", required=True, readonly=True, ondelete="cascade", index=True)
    kind = fields.Selection(
        [
            ("edited", "Row edited"),
            ("missing", "Row deleted"),
            ("inserted", "Row inserted"),
            ("unverifiable", "Cannot be verified"),
            ("seal", "Seal"),
            ("head", "Head of the log"),
            ("guard", "Protection of the table"),
        ],
        required=True,
        readonly=True,
    )
    first_row = fields.Integer(string="From Row", readonly=True, aggregator=None)
    last_row = fields.Integer(string="To Row", readonly=True, aggregator=None)
    detail = fields.Char(readonly=True)

    @api.depends("kind", "first_row", "last_row", "detail")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for finding in self:
            rows = str(finding.first_row)
            if finding.last_row != finding.first_row:
                rows = f"{finding.first_row}–{finding.last_row}"
            finding.display_name = f"{kinds.get(finding.kind)} {rows}: {finding.detail}"

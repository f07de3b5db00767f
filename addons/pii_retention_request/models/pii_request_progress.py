from odoo import api, fields, models


class PiiRequest(models.Model):
    """How far the work on a request is."""

    _inherit = "pii.request"

    progress = fields.Float(compute="_compute_progress", help="Share of the customers found that are dealt with.")
    erased_by_count = fields.Integer(string="Erased", compute="_compute_progress")
    shared_count = fields.Integer(string="Erased by Other Requests", compute="_compute_progress")
    left_count = fields.Integer(string="Left", compute="_compute_progress", help="Not dealt with yet, or under a hold.")
    certificate_count = fields.Integer(compute="_compute_certificate_count")

    @api.depends("item_ids.outcome", "state")
    def _compute_progress(self):
        counts = {}
        groups = self.env["pii.request.item"]._read_group(
            [("request_id", "in", self.ids)], ["request_id", "outcome"], ["__count"]
        )
        for request, outcome, count in groups:
            counts.setdefault(request.id, {})[outcome] = count
        for request in self:
            found = counts.get(request.id, {})
            total = sum(found.values())
            request.erased_by_count = found.get("erased", 0)
            request.shared_count = found.get("shared", 0)
            request.left_count = found.get("pending", 0) + found.get("held", 0)
            done = total - found.get("pending", 0)
            request.progress = 100.0 * done / total if total else 100.0 * (request.state == "done")

    def _compute_certificate_count(self):
        for request in self:
            request.certificate_count = len(request.certificate_ids)

    def action_view_certificates(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Certificates of %s", self.name),
            "res_model": "pii.certificate",
            "view_mode": "list,form",
            "domain": [("id", "in", self.certificate_ids.ids)],
        }

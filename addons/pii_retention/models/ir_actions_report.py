from contextlib import contextmanager

from odoo import fields, models

from ..purposes import SELECTION


class IrActionsReport(models.Model):
    _inherit = "ir.actions.report"

    pii_purpose = fields.Selection(
        SELECTION,
        string="Personal Data Purpose",
        help="When set, the report is rendered with the customer's real data for users who may act for this purpose. "
        "When empty, a protected customer appears under the pseudonym.",
    )

    @contextmanager
    def _pii_reveal_for(self, report_ref, res_ids):
        """Yield this model in an environment in which the report's customers are readable, if it has a purpose."""
        report = self._get_report(report_ref)
        ids = [res_ids] if isinstance(res_ids, int) else res_ids
        subjects = self.env["pii.subject"]
        if report.pii_purpose and ids and report.model in self.env:
            subjects = self.env[report.model].browse(ids)._pii_subjects()
        with subjects.reveal(report.pii_purpose) as env:
            yield self.with_env(env)

    def _pre_render_qweb_pdf(self, report_ref, res_ids=None, data=None):
        with self._pii_reveal_for(report_ref, res_ids) as reports:
            return super(IrActionsReport, reports)._pre_render_qweb_pdf(report_ref, res_ids=res_ids, data=data)

    def _render_qweb_html(self, report_ref, docids, data=None):
        with self._pii_reveal_for(report_ref, docids) as reports:
            return super(IrActionsReport, reports)._render_qweb_html(report_ref, docids, data=data)

    def _render_qweb_text(self, report_ref, docids, data=None):
        with self._pii_reveal_for(report_ref, docids) as reports:
            return super(IrActionsReport, reports)._render_qweb_text(report_ref, docids, data=data)

from contextlib import contextmanager

from odoo import fields, models
from odoo.http import request

from ..purposes import SELECTION
from ..rendered import remember_rendered


class IrActionsReport(models.Model):
    _inherit = "ir.actions.report"

    pii_purpose = fields.Selection(
        SELECTION,
        string="Personal Data Purpose",
        help="When set, the report is rendered with the customer's real data for users who may act for this purpose. "
        "When empty, a protected customer appears under the pseudonym.",
    )

    def _pii_subjects_of(self, report_ref, res_ids):
        """Return the purpose of a report and the data subjects whose data it shows for these records."""
        report = self._get_report(report_ref)
        ids = [res_ids] if isinstance(res_ids, int) else res_ids
        subjects = self.env["pii.subject"]
        if report.pii_purpose and ids and report.model in self.env:
            subjects = self.env[report.model].browse(ids)._pii_subjects()
        return report.pii_purpose, subjects

    @contextmanager
    def _pii_reveal_for(self, report_ref, res_ids):
        """Yield this model in an environment in which the report's customers are readable, if it has a purpose."""
        purpose, subjects = self._pii_subjects_of(report_ref, res_ids)
        if subjects and request:
            # neither the browser nor a proxy keeps a copy of what this request shows
            request.future_response.headers["Cache-Control"] = "no-store"
        with subjects.reveal(purpose) as env:
            yield self.with_env(env)

    def _pii_remember(self, report_ref, res_ids, contents):
        """Note whose data these rendered contents show: a mail composer stores them before they belong anywhere."""
        _purpose, subjects = self._pii_subjects_of(report_ref, res_ids)
        if subject := subjects._first_to_end():
            for content in filter(None, contents):
                remember_rendered(self.env.cr, content.encode() if isinstance(content, str) else content, subject.id)

    def _pre_render_qweb_pdf(self, report_ref, res_ids=None, data=None):
        with self._pii_reveal_for(report_ref, res_ids) as reports:
            streams, kind = super(IrActionsReport, reports)._pre_render_qweb_pdf(report_ref, res_ids=res_ids, data=data)
        if isinstance(streams, dict):
            contents = [item["stream"].getvalue() for item in streams.values() if item.get("stream")]
        else:
            contents = [streams]
        self._pii_remember(report_ref, res_ids, contents)
        return streams, kind

    def _render_qweb_pdf(self, report_ref, res_ids=None, data=None):
        result = super()._render_qweb_pdf(report_ref, res_ids=res_ids, data=data)
        self._pii_remember(report_ref, res_ids, result[:1])
        return result

    def _render_qweb_html(self, report_ref, docids, data=None):
        with self._pii_reveal_for(report_ref, docids) as reports:
            result = super(IrActionsReport, reports)._render_qweb_html(report_ref, docids, data=data)
        self._pii_remember(report_ref, docids, result[:1])
        return result

    def _render_qweb_text(self, report_ref, docids, data=None):
        with self._pii_reveal_for(report_ref, docids) as reports:
            result = super(IrActionsReport, reports)._render_qweb_text(report_ref, docids, data=data)
        self._pii_remember(report_ref, docids, result[:1])
        return result

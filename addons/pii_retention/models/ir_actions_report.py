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

    def _pii_render(self, report_ref, res_ids, render, contents):
        """Return ``render(reports)``, done where the report's customers are readable if it has a purpose.

        :param render: called with this model in the environment to render in
        :param contents: called with what ``render`` returned; gives the rendered contents (bytes or text) in it
        """
        purpose, subjects = self._pii_subjects_of(report_ref, res_ids)
        if not subjects:
            return render(self)
        if request:
            # neither the browser nor a proxy keeps a copy of what this request shows
            request.future_response.headers["Cache-Control"] = "no-store"
        with subjects.reveal(purpose) as env:
            result = render(self.with_env(env))
        # a mail composer stores documents before they belong anywhere: note whose data they show
        subject = subjects._first_to_end()
        for content in filter(None, contents(result)):
            remember_rendered(self.env.cr, content.encode() if isinstance(content, str) else content, subject.id)
        return result

    def _pre_render_qweb_pdf(self, report_ref, res_ids=None, data=None):
        def contents(result):
            streams = result[0]
            if not isinstance(streams, dict):
                return [streams]
            return [item["stream"].getvalue() for item in streams.values() if item.get("stream")]

        return self._pii_render(
            report_ref,
            res_ids,
            lambda reports: super(IrActionsReport, reports)._pre_render_qweb_pdf(  # noqa: UP008
                report_ref, res_ids=res_ids, data=data
            ),
            contents,
        )

    def _render_qweb_pdf(self, report_ref, res_ids=None, data=None):
        result = super()._render_qweb_pdf(report_ref, res_ids=res_ids, data=data)
        # several documents were merged into one that nobody has noted yet
        _purpose, subjects = self._pii_subjects_of(report_ref, res_ids)
        if result[0] and (subject := subjects._first_to_end()):
            remember_rendered(self.env.cr, result[0], subject.id)
        return result

    def _render_qweb_html(self, report_ref, docids, data=None):
        return self._pii_render(
            report_ref,
            docids,
            lambda reports: super(IrActionsReport, reports)._render_qweb_html(  # noqa: UP008
                report_ref, docids, data=data
            ),
            lambda result: result[:1],
        )

    def _render_qweb_text(self, report_ref, docids, data=None):
        return self._pii_render(
            report_ref,
            docids,
            lambda reports: super(IrActionsReport, reports)._render_qweb_text(  # noqa: UP008
                report_ref, docids, data=data
            ),
            lambda result: result[:1],
        )

from odoo import fields, models
from odoo.http import request

from .. import files
from ..naming import names_of
from ..purposes import PURPOSES, SELECTION
from ..rendered import remember_rendered
from ..stated import stated_reason

#: Purposes of persons: what scheduled work may open is never drawn by a template, which an administrator may edit.
PRINTABLE = {
    code
    for code, purpose in PURPOSES.items()
    if "pii_retention.group_service" not in purpose.groups and purpose.by_grant
}


def _subjects_of(reports, report_ref, res_ids):
    """Return the report, its records and the data subjects that it shows; none for a report without a purpose."""
    report = reports._get_report(report_ref)
    ids = [res_ids] if isinstance(res_ids, int) else list(res_ids or ())
    if report.pii_purpose not in PRINTABLE or not ids or report.model not in reports.env:
        return report, None, None
    records = reports.env[report.model].browse(ids)
    return report, records, records._pii_subjects()


def _with_data(subjects):
    """Return those of whom anything may be held: a document of the others shows pseudonyms, for whoever prints it."""
    known = subjects.sudo()  # sudo: whether somebody is erased is no personal data
    known.fetch(["state"])
    return known.filtered(lambda subject: subject.state != "erased").with_env(subjects.env)


def _remember(reports, report, content, records):
    """Note whose data the rendered ``content`` shows.

    One record's document is one customer's (of several, the one whose clock ends first); that of several records may
    be nobody's to keep.
    """
    known = records._pii_subjects()
    subjects = _with_data(known)
    if len(records) == 1:
        subjects = subjects._first_to_end()
    if content and known:
        content = content.encode() if isinstance(content, str) else content
        remember_rendered(reports.env.cr, content, tuple(subjects.ids), files.class_of_purpose(report.pii_purpose))


def _render_revealed(reports, report_ref, res_ids, render, contents):
    """Return ``render(reports)``, done where the report's customers are readable if it has a purpose.

    A function and no method: code that is evaluated could otherwise hand in a ``render`` of its own.

    :param render: called with ``ir.actions.report`` in the environment to render in
    :param contents: called with what ``render`` returned; yields ``(content, record ids)`` for each document in it,
        ids None for a document of all records
    """
    report, records, subjects = _subjects_of(reports, report_ref, res_ids)
    if not subjects:
        return render(reports)
    subjects = _with_data(subjects)
    if not subjects:
        # a credit note after the customer's day: anybody's work, and an ordinary file
        result = render(reports)
        for content, ids in contents(result):
            _remember(reports, report, content, records if ids is None else records.browse(ids))
        return result
    if request:
        # neither the browser nor a proxy keeps a copy of what this request shows
        request.future_response.headers["Cache-Control"] = "no-store"
    env = reports.env
    names = names_of(records)
    reason = stated_reason() or env._("Report %(report)s of %(documents)s", report=report.name, documents=names)
    with subjects.reveal(report.pii_purpose, reason=reason, document=f"{report.report_name} {names}") as inside:
        result = render(reports.with_env(inside))
    # a mail composer stores documents before they belong anywhere: note whose data they show
    for content, ids in contents(result):
        _remember(reports, report, content, records if ids is None else records.browse(ids))
    return result


class IrActionsReport(models.Model):
    _inherit = "ir.actions.report"

    pii_purpose = fields.Selection(
        [choice for choice in SELECTION if choice[0] in PRINTABLE],
        string="Personal Data Purpose",
        help="When set, the report is rendered with the customer's real data for users who may act for this purpose. "
        "When empty, a protected customer appears under the pseudonym.",
    )

    def _pre_render_qweb_pdf(self, report_ref, res_ids=None, data=None):
        def contents(result):
            streams = result[0]
            if not isinstance(streams, dict):
                return [(streams, None)]
            return [
                (item["stream"].getvalue(), [res_id] if res_id else None)
                for res_id, item in streams.items()
                if item.get("stream")
            ]

        return _render_revealed(
            self,
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
        report, records, subjects = _subjects_of(self, report_ref, res_ids)
        if subjects:
            _remember(self, report, result[0], records)
        return result

    def _render_qweb_html(self, report_ref, docids, data=None):
        return _render_revealed(
            self,
            report_ref,
            docids,
            lambda reports: super(IrActionsReport, reports)._render_qweb_html(  # noqa: UP008
                report_ref, docids, data=data
            ),
            lambda result: [(result[0], None)],
        )

    def _render_qweb_text(self, report_ref, docids, data=None):
        return _render_revealed(
            self,
            report_ref,
            docids,
            lambda reports: super(IrActionsReport, reports)._render_qweb_text(  # noqa: UP008
                report_ref, docids, data=data
            ),
            lambda result: [(result[0], None)],
        )

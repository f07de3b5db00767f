import json
from urllib.parse import urlsplit

from odoo import http
from odoo.exceptions import AccessError
from odoo.http import request
from odoo.tools.misc import html_escape

from odoo.addons.web.controllers.report import ReportController


class PiiReportController(ReportController):
    """Refuses as a file what goes to a printer."""

    @http.route()
    def report_routes(self, reportname, docids=None, converter=None, **data):
        refusal = self._pii_refusal(reportname, docids)
        if refusal:
            return request.make_response(
                html_escape(refusal),
                headers=[("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")],
                status=403,
            )
        return super().report_routes(reportname, docids=docids, converter=converter, **data)

    @http.route()
    def report_download(self, data, context=None, token=None, readonly=True):
        # the name and the ids stand where the web client puts them: /report/pdf/NAME/1,2
        pieces = urlsplit(json.loads(data)[0]).path.split("/")
        refusal = self._pii_refusal(pieces[3], pieces[4] if len(pieces) > 4 else None) if len(pieces) > 3 else None
        if refusal:
            error = {"code": 403, "message": "Forbidden", "data": http.serialize_exception(AccessError(refusal))}
            return request.make_response(
                html_escape(json.dumps(error)), headers=[("Cache-Control", "no-store")], status=403
            )
        return super().report_download(data, context=context, token=token, readonly=readonly)

    def _pii_refusal(self, reportname, docids):
        """Return why these documents are not to be had as a file, None if they are."""
        reports = request.env["ir.actions.report"]
        report = reports._get_report_from_name(reportname)
        ids = (
            [int(piece) for piece in (docids or "").split(",") if piece.isdigit()]
            if isinstance(docids, str)
            else docids
        )
        return reports._pii_download_refusal(report, ids) if report and ids else None

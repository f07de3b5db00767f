import logging

from odoo import models
from odoo.http import request

_logger = logging.getLogger(__name__)


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _post_dispatch(cls, response):
        """Let no page or file leave that shows what belongs on a printer, whichever controller made it."""
        super()._post_dispatch(response)
        rendered = getattr(request, "pii_rendered", None)
        if not rendered or request.dispatcher.routing_type != "http" or response.status_code != 200:
            return
        reports = request.env["ir.actions.report"]
        for report_id, res_ids in rendered:
            refusal = reports._pii_download_refusal(reports.browse(report_id).sudo(), res_ids)  # sudo: its settings
            if refusal:
                _logger.info("A response with documents for a printer was withheld: %s", request.httprequest.path)
                response.direct_passthrough = False
                response.set_data(refusal)
                response.status_code = 403
                response.headers["Content-Type"] = "text/plain; charset=utf-8"
                response.headers["Cache-Control"] = "no-store"
                response.headers.pop("Content-Disposition", None)
                return

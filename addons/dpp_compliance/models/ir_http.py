from werkzeug.exceptions import abort
from werkzeug.utils import redirect

from odoo import models
from odoo.exceptions import AccessDenied
from odoo.http import request

#: What a person may reach whose password has to be changed.
OPEN = ("/dpp/password", "/web/session/", "/web/login", "/web/assets/", "/web/static/", "/web/binary/company_logo")


class IrHttp(models.AbstractModel):
    _inherit = "ir.http"

    @classmethod
    def _auth_method_user(cls):
        super()._auth_method_user()
        path = request.httprequest.path
        if not request.session.uid or path.startswith(OPEN) or "/static/" in path:
            return
        if reason := request.env.user._dpp_change_reason():
            if request.dispatcher.routing_type == "http":
                abort(redirect("/dpp/password", 303))
            # anything else would be logged as an error and answered without its text
            raise AccessDenied(reason)

"""Find a customer by what the customer says. The value typed lives as long as the request does.

A wizard would be a row in a table: the value would be at rest there, in the write-ahead log and in every dump.
"""

from __future__ import annotations

from odoo.exceptions import AccessError
from odoo.http import Controller, request, route

from .. import lookup


class LookupController(Controller):
    @route("/pii/lookup/options", type="jsonrpc", auth="user", readonly=True)
    def options(self):
        """Return the fields and purposes that this user may search by: ``lookup.options``."""
        self._check_employee()
        return lookup.options(request.env)

    @route("/pii/lookup", type="jsonrpc", auth="user")
    def find(self, field, value, purpose, reason, companies=()):
        """Look customers up by an exact value.

        :param companies: ids of those that the user has switched on; all of his without any
        :return: dict with ``ids`` of the data subjects found; no personal data
        :raise AccessError: refused; the message says what to do
        :raise UserError: nothing to look for, or a key cannot be used
        """
        # an answer tells whether somebody is a customer: neither the browser nor a proxy keeps it
        request.future_response.headers["Cache-Control"] = "no-store"
        self._check_employee()
        reason = reason.strip() if isinstance(reason, str) else ""
        return {"ids": lookup.find(self._env(companies), field, value, purpose, reason).ids}

    def _check_employee(self):
        if not request.env.user._is_internal():
            raise AccessError(request.env._("Only employees look customers up."))

    def _env(self, companies):
        """Return the environment with the companies to search: never one that is not the user's."""
        own = request.env.user.company_ids.ids
        chosen = [item for item in companies if item in own] if isinstance(companies, list) else []
        return request.env(context={**request.env.context, "allowed_company_ids": chosen or own})

from __future__ import annotations

import logging
import re
from urllib.parse import urlencode

from odoo import http
from odoo.http import request

from ..calling import secret_of
from ..models.spapi_account import MANAGER
from ..spapi import errors
from ..spapi.auth import Credentials, exchange_code

_logger = logging.getLogger(__name__)
CALLBACK = "/amazon/spapi/oauth/callback"
_SECRETS = re.compile(r"((?:spapi_oauth_code|mws_auth_token|state)(?:=|%3D))(?:(?!%26)[^&\s\"])+", re.IGNORECASE)
_PATH = re.compile(r"/amazon/spapi/oauth|%2Famazon%2Fspapi%2Foauth", re.IGNORECASE)
"""Encoded too: to somebody whose session has ended the callback's whole address is a parameter of the login page."""


class HideCodes(logging.Filter):
    """Keep authorisation codes out of the request log: the server logs the line of every request."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple) and record.args:
            record.args = tuple(self._hide(value) for value in record.args)
        record.msg = self._hide(record.msg)
        return True

    @staticmethod
    def _hide(value):
        if isinstance(value, str) and _PATH.search(value):
            return _SECRETS.sub(r"\1[hidden]", value)
        return value


logging.getLogger("werkzeug").addFilter(HideCodes())


class AmazonOAuth(http.Controller):
    """Amazon's website authorisation workflow: the seller consents at Seller Central and comes back with a code."""

    @http.route("/amazon/spapi/oauth/start/<int:account_id>", type="http", auth="user", methods=["GET"])
    def start(self, account_id: int):
        """Begin: note who asks for which account, and send the browser to Seller Central."""
        account = self._account(account_id)
        if not account or not (account.application_id and account.consent_url):
            return self._page("not_allowed")
        query = {
            "application_id": account.application_id,
            "state": request.env["spapi.oauth.state"]._issue(account),
            "redirect_uri": self._redirect_uri(),
        }
        if account.application_draft:
            query["version"] = "beta"
        response = request.redirect(f"{account.consent_url}?{urlencode(query)}", code=303, local=False)
        return self._private(response)

    @http.route(CALLBACK, type="http", auth="user", methods=["GET"])
    def callback(self, state: str = "", selling_partner_id: str = "", spapi_oauth_code: str = "", **_unused):
        """End: check that this user asked, exchange the code, seal the token."""
        if not request.env.user.has_group(MANAGER):
            return self._page("not_allowed")
        account = request.env["spapi.oauth.state"]._redeem(state) if state else request.env["spapi.account"]
        account = self._account(account.id)
        if not account:
            return self._page("bad_state")
        if not spapi_oauth_code or not re.fullmatch(r"[A-Za-z0-9]{5,40}", selling_partner_id):
            return self._page("refused", account)
        if account.seller_id and account.seller_id != selling_partner_id:
            return self._page("other_seller", account)
        # sudo: the account that has this seller may be one of a company that this user does not see
        twins = account.sudo().search([("seller_id", "=", selling_partner_id), ("id", "!=", account.id)])
        if account.endpoint_url in twins.mapped("endpoint_url"):
            text = request.env._("This seller is connected already by another account of the same region.")
            return self._page("failed", account, text=text)
        credentials = Credentials(account.client_id or "", secret_of(account, "client_secret"), "", account.token_url)
        try:
            grant = exchange_code(credentials, spapi_oauth_code, redirect_uri=self._redirect_uri())
        except errors.SpapiError as error:
            account._record_failure(error)
            return self._page("failed", account, text=account._error_text(error), request_id=error.request_id)
        account.write({"seller_id": selling_partner_id, "refresh_token": grant.refresh_token})
        account._record_success()
        _logger.info("account %s was authorised by user %s", account.id, request.env.uid)
        return self._private(request.redirect(f"/odoo/action-amazon_spapi_connector.action_spapi_account/{account.id}"))

    # === HELPERS === #

    @staticmethod
    def _account(account_id):
        """The account, if this user may connect it; an empty recordset otherwise."""
        if not account_id or not request.env.user.has_group(MANAGER):
            return request.env["spapi.account"]
        account = request.env["spapi.account"].search([("id", "=", account_id)])
        return account.with_context(allowed_company_ids=account.company_id.ids)

    @staticmethod
    def _redirect_uri() -> str:
        """Must be registered for the application at Amazon, letter by letter: so it comes from the configuration."""
        return request.env["ir.config_parameter"].sudo().get_param("web.base.url").rstrip("/") + CALLBACK

    def _page(self, reason: str, account=None, **values):
        """A page that says what went wrong and leads back."""
        url = "/odoo/action-amazon_spapi_connector.action_spapi_account"
        if account:
            url += f"/{account.id}"
        values = {"reason": reason, "back": url, "text": "", "request_id": "", **values}
        response = request.render("amazon_spapi_connector.oauth_result", values)
        response.status_code = 403 if reason in ("not_allowed", "bad_state") else 400
        return self._private(response)

    @staticmethod
    def _private(response):
        """The address of this page holds a code: no other site and no cache may learn it."""
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response

from __future__ import annotations

import logging
from datetime import timedelta

import psycopg2

from odoo import fields, models
from odoo.exceptions import AccessError, UserError

from .. import calling
from ..spapi import errors
from ..spapi.auth import TOKENS
from .spapi_account import MANAGER
from .spapi_order import _notification

_logger = logging.getLogger(__name__)

MAX_BACKOFF = timedelta(hours=1)


class SpapiAccount(models.Model):
    """Talking to Amazon in the name of an account, and what is remembered of it."""

    _inherit = "spapi.account"

    # === HEALTH === #

    def _record_success(self) -> None:
        self.sudo().write(
            {
                "state": "connected",
                "last_success": fields.Datetime.now(),
                "last_error": False,
                "last_error_at": False,
                "last_error_request_id": False,
                "failure_count": 0,
                "retry_at": False,
            }
        )

    def _record_failure(self, error: Exception) -> None:
        """Show the error on the account, decide when to try again, and tell a person where only a person can help."""
        self.ensure_one()
        account_sudo = self.sudo()
        count = account_sudo.failure_count + 1
        delay = min(MAX_BACKOFF, timedelta(minutes=2 ** min(count, 10)))
        request_id, state = "", account_sudo.state
        if isinstance(error, errors.Throttled) and error.code == calling.LEDGER:
            # Our own count said no: nothing went wrong, there is only something to wait for.
            account_sudo.retry_at = fields.Datetime.now() + timedelta(seconds=min(error.retry_after or 180, 3600))
            account_sudo._trigger_import(account_sudo.retry_at)
            return
        if isinstance(error, errors.SpapiError):
            request_id = error.request_id
            if isinstance(error, errors.Throttled):
                delay = timedelta(seconds=min(error.retry_after or 180, MAX_BACKOFF.total_seconds()))
                count = account_sudo.failure_count
            elif isinstance(error, errors.AuthorizationRevoked):
                state = "revoked"
            elif isinstance(error, errors.InvalidCredentials | errors.ConfigurationError | errors.AccessDenied):
                state, delay = "error", MAX_BACKOFF
        retry_at = fields.Datetime.now() + delay
        account_sudo.write(
            {
                "state": state,
                "last_error": self._error_text(error),
                "last_error_at": fields.Datetime.now(),
                "last_error_request_id": request_id or False,
                "failure_count": count,
                "retry_at": False if state == "revoked" else retry_at,
            }
        )
        if state in ("error", "revoked"):
            account_sudo._ask_for_help()
        if state != "revoked":
            account_sudo._trigger_import(retry_at)

    def _trigger_import(self, at=None) -> None:
        """Wake the import cron at a moment (naive UTC), or now."""
        self.env.ref("amazon_spapi_connector.ir_cron_import_orders").sudo()._trigger(at=at)

    def _ask_for_help(self) -> None:
        """One open activity for the responsible person; a second failure does not make a second one."""
        kind = "mail.mail_activity_data_warning"
        if not self.activity_ids.filtered(lambda activity: activity.activity_type_id == self.env.ref(kind)):
            self.with_context(mail_activity_quick_update=True).activity_schedule(
                kind,
                summary=self.env._("Amazon refuses this account"),
                note=self.last_error,
                user_id=(self.user_id or self.env.ref("base.user_admin")).id,
            )

    def _error_text(self, error: Exception) -> str:
        """What a back-office user reads about `error`; never a traceback, never a secret."""
        _ = self.env._
        if isinstance(error, UserError):
            return str(error)
        if not isinstance(error, errors.SpapiError):
            return _("The import stopped at an unexpected error (%s); it is tried again.", type(error).__name__)
        values = {"message": error.message or error.code or "-", "operation": error.operation or "-"}
        texts = {
            "configuration": _("The connection is not set up completely: %(message)s", **values),
            "invalid_credentials": _(
                "Amazon does not accept the client ID and secret. Check both; a secret expires after 180 days and is"
                " replaced in Seller Central."
            ),
            "authorization_revoked": _(
                "The seller's consent is no longer valid: it was withdrawn or has expired. Authorise the account again."
            ),
            "access_denied": _(
                "Amazon refuses %(operation)s: the application lacks a role for it, or the seller did not consent to"
                " that role. After a role was granted, authorise again.",
                **values,
            ),
            "throttled": _("Amazon's quota for %(operation)s is used up; the import goes on by itself.", **values),
            "bad_request": _("Amazon did not accept %(operation)s: %(message)s", **values),
            "not_found": _("Amazon does not know what %(operation)s asked for: %(message)s", **values),
            "server_error": _("Amazon has a problem of its own with %(operation)s; it is tried again.", **values),
            "network_error": _(
                "Amazon could not be reached for %(operation)s (%(message)s); it is tried again.", **values
            ),
            "malformed_response": _(
                "Amazon's answer to %(operation)s could not be read (%(message)s); it is tried again.", **values
            ),
        }
        return texts.get(error.title) or _("Amazon's answer to %(operation)s could not be used: %(message)s", **values)

    def _fail_for_user(self, error: errors.SpapiError):
        """Keep the error on the account although the user's transaction is undone, and tell the user."""
        try:
            with self.env.registry.cursor() as cr:
                # a caller that has changed this account and not committed would otherwise wait for itself
                cr.execute("SET LOCAL lock_timeout = '2s'")
                self.with_env(self.env(cr=cr))._record_failure(error)
        except psycopg2.OperationalError:
            _logger.info("The failure of account %s is told to the user only", self.id)
        text = self._error_text(error)
        if error.request_id:
            text += "\n\n" + self.env._("Amazon's request ID: %s", error.request_id)
        raise UserError(text) from None

    # === ACTIONS === #

    def _check_manager(self) -> None:
        if not self.env.su and not self.env.user.has_group(MANAGER):
            raise AccessError(self.env._("Only an Amazon administrator may do this."))
        self.check_access("write")

    def action_test_connection(self) -> dict:
        """Ask Amazon who we are: proves credentials and consent, and brings the seller's marketplaces."""
        self.ensure_one()
        self._check_manager()
        # A token from before the credentials were changed would prove nothing.
        TOKENS.forget(calling.credentials_of(self))
        try:
            rows = calling.call(
                self, "getMarketplaceParticipations", lambda client: client.get_marketplace_participations()
            )
        except errors.SpapiError as error:
            self._fail_for_user(error)
        names, unknown = self._update_marketplaces(rows)
        self._record_success()
        message = self.env._("Connected. Marketplaces: %s", ", ".join(names) or self.env._("none"))
        if unknown:
            message += "\n" + self.env._("Not known here and left out: %s", ", ".join(unknown))
        return _notification(message, "success" if names and not unknown else "warning")

    def _update_marketplaces(self, rows: list[dict]) -> tuple[list[str], list[str]]:
        """Enable the marketplaces the seller takes part in. Returns their names, and ids that are not known here."""
        taking_part = []
        for row in rows:
            marketplace, participation = row.get("marketplace"), row.get("participation")
            if (
                isinstance(marketplace, dict)
                and isinstance(participation, dict)
                and participation.get("isParticipating")
            ):
                taking_part.append(str(marketplace.get("id", "")))
        found = self.env["spapi.marketplace"].search([("amazon_id", "in", taking_part)])
        if not self.marketplace_ids:
            self.marketplace_ids = found
        unknown = set(taking_part) - set(found.mapped("amazon_id"))
        return found.mapped("name"), sorted(errors.safe_text(name, 40) for name in unknown)

    def action_authorize(self) -> dict:
        """Send the browser to Seller Central for the seller's consent."""
        self.ensure_one()
        self._check_manager()
        if not (self.application_id and self.client_id and self.has_client_secret and self.consent_url):
            raise UserError(
                self.env._("Fill in the application ID, the client ID and the client secret first, and save.")
            )
        return {"type": "ir.actions.act_url", "url": f"/amazon/spapi/oauth/start/{self.id}", "target": "self"}

    def action_sync_now(self) -> dict:
        """Let the import run as soon as a worker is free, whatever the plan says."""
        self._check_manager()
        for account in self:
            if not (account.has_refresh_token and account.has_client_secret and account.client_id):
                raise UserError(self.env._("%s is not connected to Amazon yet.", account.name))
            if account.state in ("draft", "revoked"):
                raise UserError(self.env._("Use “Test connection” on %s first.", account.name))
        self.sudo().write({"retry_at": False})
        self.sudo().cursor_ids.write({"last_done": False})
        self._trigger_import()
        return _notification(self.env._("The import starts within a minute."), "info")

    def action_read_again(self) -> dict:
        """Read everything updated since “import since” again, after a role was granted or when something is missing."""
        self._check_manager()
        self.sudo().cursor_ids.unlink()
        return self.action_sync_now()

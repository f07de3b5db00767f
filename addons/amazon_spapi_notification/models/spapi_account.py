from __future__ import annotations

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from odoo.addons.amazon_spapi_connector.calling import client_of
from odoo.addons.amazon_spapi_connector.models.spapi_account import MANAGER, _is_safe_url
from odoo.addons.amazon_spapi_connector.models.spapi_order import _notification
from odoo.addons.amazon_spapi_connector.spapi import errors
from odoo.addons.amazon_spapi_connector.spapi.operations import Operation
from odoo.addons.pii_retention import keys

from ..order_change import ORDER_CHANGE
from ..sqs import Queue, QueueError, region_of

SCOPE = "sellingpartnerapi::notifications"
_DESTINATIONS = "/notifications/v1/destinations"
_SUBSCRIPTIONS = "/notifications/v1/subscriptions/{notificationType}"
OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("getDestinations", "GET", _DESTINATIONS, 1, 5, "payload", list, scope=SCOPE),
        Operation("createDestination", "POST", _DESTINATIONS, 1, 5, "payload", scope=SCOPE),
        Operation("getSubscription", "GET", _SUBSCRIPTIONS, 1, 5, "payload"),
        Operation("createSubscription", "POST", _SUBSCRIPTIONS, 1, 5, "payload"),
        Operation("deleteSubscriptionById", "DELETE", f"{_SUBSCRIPTIONS}/{{subscriptionId}}", 1, 5, "", scope=SCOPE),
    )
}
"""Notifications v1. A person calls them when an account is set up: a count of our own would only be in the way."""


def queue_of(account) -> Queue:
    """The account's queue, with its secret key. Keep it in a local variable.

    :raise QueueError: it is not set up
    """
    account_sudo = account.sudo()
    sealed = account_sudo.sqs_secret_key_sealed
    if not (account_sudo.sqs_queue_url and account_sudo.sqs_access_key and sealed):
        raise QueueError("the queue is not set up")
    secret = keys.open_secret(account_sudo.company_id, account_sudo._secret_name("sqs_secret_key"), sealed)
    return Queue(
        account_sudo.sqs_queue_url,
        account_sudo.sqs_region or region_of(account_sudo.sqs_queue_url),
        account_sudo.sqs_access_key,
        secret,
        account_sudo.sqs_endpoint_url or "",
    )


class SpapiAccount(models.Model):
    """The queue that Amazon sends changes of orders to, and the seller's subscription."""

    _inherit = "spapi.account"

    sqs_queue_url = fields.Char(
        string="Queue Address", groups=MANAGER, copy=False, help="Of a standard queue at AWS SQS, as its page shows it."
    )
    sqs_region = fields.Char(
        string="AWS Region",
        compute="_compute_sqs_region",
        store=True,
        readonly=False,
        groups=MANAGER,
        help="Such as eu-west-1; the queue's address tells it.",
    )
    sqs_endpoint_url = fields.Char(
        string="Other SQS Address", groups=MANAGER, copy=False, help="Only for a stand-in of SQS, such as in a test."
    )
    sqs_access_key = fields.Char(
        string="AWS Access Key ID",
        groups=MANAGER,
        copy=False,
        help="Of an identity that may receive and delete messages of this queue, and nothing else.",
    )
    sqs_secret_key = fields.Char(
        string="AWS Secret Key",
        groups=MANAGER,
        copy=False,
        store=False,
        compute="_compute_sqs_secret_key",
        inverse="_inverse_nothing",
        help="Write-only: it is sealed as soon as it is saved.",
    )
    sqs_secret_key_sealed = fields.Char(groups=fields.NO_ACCESS, copy=False)
    has_sqs_secret_key = fields.Boolean(compute="_compute_has_sqs_secret_key", compute_sudo=True)
    sqs_subscription_id = fields.Char(string="Subscription", readonly=True, copy=False, groups=MANAGER)
    sqs_listen_seconds = fields.Integer(
        string="Seconds of Listening",
        default=50,
        help="Each minute the queue is listened to for so long: a change is seen within a second or two. It occupies"
        " one of Odoo's workers for scheduled actions.",
    )
    # Not stored: whoever listens must not write on the row that the import writes on.
    sqs_heard_at = fields.Datetime(string="Last Message", compute="_compute_notification_figures")
    sqs_error = fields.Char(string="Last Error of the Queue", readonly=True, copy=False)
    dead_notification_count = fields.Integer(compute="_compute_notification_figures")

    _sqs_listen_seconds_range = models.Constraint(
        "CHECK(sqs_listen_seconds BETWEEN 0 AND 55)", "Listen for 0 to 55 seconds a minute."
    )

    # === COMPUTE === #

    @api.depends("sqs_queue_url")
    def _compute_sqs_region(self) -> None:
        for account in self:
            account.sqs_region = region_of(account.sqs_queue_url or "") or account.sqs_region

    def _compute_sqs_secret_key(self) -> None:
        self.sqs_secret_key = False

    def _inverse_nothing(self) -> None:
        """What is written was taken out before: see write."""

    @api.depends("sqs_secret_key_sealed")
    def _compute_has_sqs_secret_key(self) -> None:
        for account in self:
            account.has_sqs_secret_key = bool(account.sqs_secret_key_sealed)

    def _compute_notification_figures(self) -> None:
        Row = self.env["spapi.notification"]
        mine = [("account_id", "in", self.ids)]
        dead = dict(Row._read_group([*mine, ("state", "=", "dead")], ["account_id"], ["__count"]))
        heard = dict(Row._read_group(mine, ["account_id"], ["create_date:max"]))
        for account in self:
            account.dead_notification_count = dead.get(account, 0)
            account.sqs_heard_at = heard.get(account, False)

    @api.constrains("sqs_queue_url", "sqs_endpoint_url")
    def _check_sqs_urls(self) -> None:
        for account in self.sudo():
            for url in (account.sqs_queue_url, account.sqs_endpoint_url):
                if url and not _is_safe_url(url):
                    raise ValidationError(
                        self.env._(
                            "The address %s must begin with https:// and hold no user name, query or fragment.", url
                        )
                    )

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        secrets = [vals.get("sqs_secret_key") for vals in vals_list]
        accounts = super().create([self._without_sqs_secret(vals) for vals in vals_list])
        for account, secret in zip(accounts, secrets, strict=True):
            account._store_sqs_secret(secret)
        return accounts

    def write(self, vals):
        secret = vals.get("sqs_secret_key")
        before = {account: account.sudo()._sqs_places() for account in self}
        result = super().write(self._without_sqs_secret(vals))
        for account in self:
            if account.sudo()._sqs_places() != before[account] and account.sudo().sqs_secret_key_sealed:
                # who may change the address may not thereby learn what is sent there
                super(SpapiAccount, account.sudo()).write({"sqs_secret_key_sealed": False})
            account._store_sqs_secret(secret)
        return result

    def _sqs_places(self) -> tuple:
        return self.sqs_queue_url, self.sqs_endpoint_url

    def _without_sqs_secret(self, vals: dict) -> dict:
        """Before the ORM sees it: no cache, no log and no tracking holds the key."""
        if vals.get("sqs_secret_key"):
            self._check_field_access(self._fields["sqs_secret_key"], "write")
        return {name: value for name, value in vals.items() if name != "sqs_secret_key"}

    def _store_sqs_secret(self, secret: str | None) -> None:
        if secret:
            # sudo: the column is nobody's to write
            account_sudo = self.sudo()
            sealed = keys.seal_secret(account_sudo.company_id, self._secret_name("sqs_secret_key"), secret.strip())
            super(SpapiAccount, account_sudo).write({"sqs_secret_key_sealed": sealed, "sqs_error": False})

    # === ACTIONS === #

    def action_subscribe(self) -> dict:
        """Ask Amazon to send changes of this seller's orders to the queue."""
        self.ensure_one()
        self._check_manager()
        try:
            arn = queue_of(self).arn()
        except QueueError as error:
            raise UserError(
                self.env._("The queue cannot be used (%s). Check address, region, access key and secret key.", error)
            ) from None
        try:
            destination = self._destination(arn)
            subscription = self._subscription(destination)
        except errors.SpapiError as error:
            self._fail_for_user(error)
        self.sudo().write({"sqs_subscription_id": subscription, "sqs_error": False})
        self.env.ref("amazon_spapi_notification.ir_cron_read_notifications").sudo()._trigger()
        return _notification(self.env._("Amazon now sends changes of orders to the queue."), "success")

    def action_unsubscribe(self) -> dict:
        """End the subscription; what is in the queue stays there."""
        self.ensure_one()
        self._check_manager()
        path = {"notificationType": ORDER_CHANGE, "subscriptionId": self.sqs_subscription_id or ""}
        try:
            if self.sqs_subscription_id:
                client_of(self).call(OPERATIONS["deleteSubscriptionById"], path_params=path)
        except errors.NotFound:
            pass  # it is gone at Amazon already
        except errors.SpapiError as error:
            self._fail_for_user(error)
        self.sudo().sqs_subscription_id = False
        return _notification(self.env._("The subscription has ended; orders are read by searches."), "info")

    def _destination(self, arn: str) -> str:
        """Amazon's id of the queue, made if it is not known there."""
        client = client_of(self)
        for row in client.call(OPERATIONS["getDestinations"]).payload["payload"]:
            if ((row.get("resource") or {}).get("sqs") or {}).get("arn") == arn:
                return row["destinationId"]
        body = {"name": f"odoo-{self.id}", "resourceSpecification": {"sqs": {"arn": arn}}}
        return client.call(OPERATIONS["createDestination"], body=body).payload["payload"]["destinationId"]

    def _subscription(self, destination: str) -> str:
        """The seller's subscription to order changes; one that goes to another place is replaced."""
        client, kind = client_of(self), {"notificationType": ORDER_CHANGE}
        try:
            known = client.call(OPERATIONS["getSubscription"], path_params=kind).payload["payload"]
        except errors.NotFound:
            known = {}
        if known.get("destinationId") == destination:
            return known["subscriptionId"]
        if known:
            gone = {**kind, "subscriptionId": known["subscriptionId"]}
            client.call(OPERATIONS["deleteSubscriptionById"], path_params=gone)
        body = {"payloadVersion": "1.0", "destinationId": destination}
        return client.call(OPERATIONS["createSubscription"], path_params=kind, body=body).payload["payload"][
            "subscriptionId"
        ]

    def action_view_dead_notifications(self) -> dict:
        action = self.env["ir.actions.actions"]._for_xml_id("amazon_spapi_notification.action_spapi_notification")
        action.update(domain=[("account_id", "in", self.ids)], context={"search_default_dead": 1})
        return action

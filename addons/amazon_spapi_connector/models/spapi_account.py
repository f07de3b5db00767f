from __future__ import annotations

import ipaddress
from datetime import timedelta
from urllib.parse import urlsplit

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..spapi import regions

MANAGER = "amazon_spapi_connector.group_manager"
CONSENT_HOSTS = {
    "eu": "sellercentral-europe.amazon.com",
    "na": "sellercentral.amazon.com",
    "fe": "sellercentral.amazon.co.jp",
}
"""Seller Central of a region, where a seller gives consent (Amazon's website authorisation workflow)."""


class SpapiAccount(models.Model):
    """A seller's authorisation for one region, and how its orders become sale orders."""

    _name = "spapi.account"
    _description = "Amazon Seller Account"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "sequence, name, id"
    _check_company_auto = True

    name = fields.Char(required=True, help="Your name for this account, such as “Amazon Europe”.")
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", required=True, index=True, default=lambda self: self.env.company)
    user_id = fields.Many2one(
        "res.users",
        string="Responsible",
        default=lambda self: self.env.user,
        help="Gets the activities about this account: authorisation withdrawn, orders cancelled while being shipped.",
    )
    state = fields.Selection(
        [("draft", "Not connected"), ("connected", "Connected"), ("error", "Error"), ("revoked", "Consent withdrawn")],
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )

    # === CONNECTION === #

    region = fields.Selection(
        [
            ("eu", "Europe, Middle East, Africa and India"),
            ("na", "North America"),
            ("fe", "Far East"),
            ("custom", "Other addresses (sandbox)"),
        ],
        required=True,
        default="eu",
        help="A seller authorises each region separately. “Other addresses” connects to a local sandbox or a gateway.",
    )
    endpoint_url = fields.Char(
        string="API Address", compute="_compute_urls", store=True, readonly=False, precompute=True, groups=MANAGER
    )
    token_url = fields.Char(
        string="Token Address", compute="_compute_urls", store=True, readonly=False, precompute=True, groups=MANAGER
    )
    consent_url = fields.Char(
        string="Consent Address",
        compute="_compute_urls",
        store=True,
        readonly=False,
        precompute=True,
        groups=MANAGER,
        help="Seller Central page where the seller authorises the application.",
    )
    seller_id = fields.Char(
        string="Seller ID", copy=False, help="Amazon's identifier of the seller (merchant token); the consent fills it."
    )
    application_id = fields.Char(
        string="Application ID", groups=MANAGER, help="Identifier of the application in the developer console."
    )
    application_draft = fields.Boolean(
        string="Application Is a Draft",
        groups=MANAGER,
        help="Amazon shows the consent page of an unpublished application only if it is asked for the beta version.",
    )
    client_id = fields.Char(
        string="LWA Client ID", groups=MANAGER, copy=False, help="Login with Amazon: client identifier."
    )
    marketplace_ids = fields.Many2many(
        "spapi.marketplace",
        string="Marketplaces",
        help="Orders of these marketplaces are imported. “Test connection” fills in those the seller takes part in.",
    )

    # === ORDERS === #

    warehouse_id = fields.Many2one(
        "stock.warehouse",
        check_company=True,
        compute="_compute_warehouse_id",
        store=True,
        readonly=False,
        precompute=True,
        help="Orders that you ship yourself leave from here.",
    )
    import_since = fields.Datetime(
        default=lambda self: fields.Datetime.now() - timedelta(days=2),
        required=True,
        help="The first import starts with the orders updated after this moment. Amazon returns at most two years.",
    )
    changes_interval = fields.Integer(
        string="Minutes Between Reads of Changes",
        default=15,
        help="Orders to ship are read every five minutes, all other changes this often. Amazon grants about twenty"
        " reads an hour for both together.",
    )
    missing_tax = fields.Selection(
        [("stop", "Stop the order for a person to decide"), ("untaxed", "Import the order without tax")],
        string="When Amazon Sends No Tax",
        default="stop",
        required=True,
    )

    # === HEALTH === #

    last_success = fields.Datetime(readonly=True, copy=False)
    last_error = fields.Char(readonly=True, copy=False)
    last_error_at = fields.Datetime(readonly=True, copy=False)
    last_error_request_id = fields.Char(
        string="Request ID of the Last Error", readonly=True, copy=False, help="Amazon's support asks for it."
    )
    failure_count = fields.Integer(readonly=True, copy=False, help="Failed attempts since the last success.")
    retry_at = fields.Datetime(string="Next Attempt", readonly=True, copy=False)
    health = fields.Char(compute="_compute_health", help="Last success, last error and what Amazon's quota leaves.")
    quota_ids = fields.One2many("spapi.quota", "account_id", groups=MANAGER)
    cursor_ids = fields.One2many("spapi.cursor", "account_id", string="Progress", groups=MANAGER)

    order_count = fields.Integer(compute="_compute_order_count")
    waiting_count = fields.Integer(compute="_compute_problem_counts")
    exception_count = fields.Integer(compute="_compute_problem_counts")

    _seller_uniq = models.UniqueIndex(
        "(seller_id, endpoint_url) WHERE active AND seller_id IS NOT NULL",
        "This seller is connected already for this region; a second account would import every order twice.",
    )
    _changes_interval_positive = models.Constraint(
        "CHECK(changes_interval >= 0)", "The minutes between two reads cannot be negative."
    )

    # === COMPUTE === #

    @api.depends("region")
    def _compute_urls(self) -> None:
        for account in self:
            known = regions.REGIONS.get(account.region)
            if known:
                account.endpoint_url = known.endpoint
                account.token_url = known.token_url
                account.consent_url = f"https://{CONSENT_HOSTS[account.region]}/apps/authorize/consent"

    @api.depends("company_id")
    def _compute_warehouse_id(self) -> None:
        for account in self:
            if account.warehouse_id.company_id != account.company_id:
                account.warehouse_id = self.env["stock.warehouse"].search(
                    [("company_id", "=", account.company_id.id)], limit=1
                )

    @api.depends("last_success", "last_error", "last_error_request_id", "last_error_at", "retry_at")
    def _compute_health(self) -> None:
        for account in self:
            account.health = " · ".join(account._health_parts())

    def _health_parts(self) -> list[str]:
        """The health line in parts. Datetimes are in the reader's time zone."""
        self.ensure_one()
        parts = []
        if self.last_success:
            parts.append(self.env._("Last success %s", self._local(self.last_success)))
        if self.last_error:
            text = self.env._(
                "Last error %(when)s: %(text)s", when=self._local(self.last_error_at), text=self.last_error
            )
            if self.last_error_request_id:
                text += " " + self.env._("(request %s)", self.last_error_request_id)
            parts.append(text)
        if self.retry_at and self.retry_at > fields.Datetime.now():
            parts.append(self.env._("Next attempt %s", self._local(self.retry_at)))
        for quota in self.sudo().quota_ids:
            parts.append(
                self.env._("%(operation)s: %(left)d calls left", operation=quota.operation, left=quota.available)
            )
        return parts or [self.env._("Amazon was not contacted yet.")]

    def _local(self, moment) -> str:
        if not moment:
            return ""
        return fields.Datetime.context_timestamp(self, moment).strftime("%Y-%m-%d %H:%M")

    def _compute_order_count(self) -> None:
        rows = self.env["spapi.order"]._read_group([("account_id", "in", self.ids)], ["account_id"], ["__count"])
        counts = {account.id: count for account, count in rows}
        for account in self:
            account.order_count = counts.get(account.id, 0)

    def _compute_problem_counts(self) -> None:
        # apart from the count of all: the overview needs these alone, and they are few among many
        domain = [("account_id", "in", self.ids), ("state", "in", ("waiting", "exception", "quarantined"))]
        rows = self.env["spapi.order"]._read_group(domain, ["account_id", "state"], ["__count"])
        counts = {(account.id, state): count for account, state, count in rows}
        for account in self:
            account.waiting_count = counts.get((account.id, "waiting"), 0)
            account.exception_count = counts.get((account.id, "exception"), 0)
            account.exception_count += counts.get((account.id, "quarantined"), 0)

    # === CONSTRAINTS === #

    @api.constrains("endpoint_url", "token_url", "consent_url")
    def _check_urls(self) -> None:
        """Credentials travel to these addresses: only encrypted, or to this machine."""
        for account in self.sudo():
            for url in (account.endpoint_url, account.token_url, account.consent_url):
                if url and not _is_safe_url(url):
                    raise ValidationError(
                        self.env._(
                            "The address %s must begin with https:// and hold no user name, query or fragment.", url
                        )
                    )

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        accounts = super().create(vals_list)
        accounts._let_service_user_in()
        return accounts

    def write(self, vals):
        chosen = {account: account.marketplace_ids for account in self} if "marketplace_ids" in vals else {}
        result = super().write(vals)
        if vals.get("company_id"):
            self._let_service_user_in()
        for account, before in chosen.items():
            if account.marketplace_ids - before:
                # The cursors speak for the marketplaces so far: a new one is read from the beginning.
                account.sudo().cursor_ids.unlink()
        return result

    def _service_user(self):
        """The identity that imports: a person's rights must not decide what the import can do, nor a superuser's."""
        return self.env.ref("amazon_spapi_connector.user_service").sudo(False)

    def _let_service_user_in(self) -> None:
        """The service user works in the companies that have accounts, and in no other."""
        user_sudo = self.env.ref("amazon_spapi_connector.user_service").sudo()
        missing = self.sudo().company_id - user_sudo.company_ids
        if missing:
            user_sudo.write({"company_ids": [fields.Command.link(company.id) for company in missing]})

    # === ACTIONS === #

    def _action_orders(self, name: str, context: dict, action_name: str = "action_spapi_order") -> dict:
        """Open the orders of these accounts that the filters of `context` leave: as many as the button counts."""
        action = self.env["ir.actions.actions"]._for_xml_id(f"amazon_spapi_connector.{action_name}")
        action.update(display_name=name, domain=[("account_id", "in", self.ids)], context=context)
        return action

    def action_view_orders(self) -> dict:
        return self._action_orders(self.env._("Orders"), {})

    def action_view_waiting(self) -> dict:
        return self._action_orders(self.env._("Waiting"), {"search_default_waiting": 1}, "action_spapi_order_problems")

    def action_view_exceptions(self) -> dict:
        """What the account counts as exceptions, each with the button that mends it."""
        context = {"search_default_exceptions": 1, "search_default_quarantined": 1}
        return self._action_orders(self.env._("Exceptions"), context, "action_spapi_order_problems")


def _is_safe_url(url: str) -> bool:
    """https anywhere, http only to a loopback address; nothing but scheme, host, port and path."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username or parts.password or parts.query or parts.fragment or any(c.isspace() for c in url):
        return False
    if parts.scheme == "https":
        return True
    if host == "localhost":
        return parts.scheme == "http"
    try:
        return parts.scheme == "http" and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

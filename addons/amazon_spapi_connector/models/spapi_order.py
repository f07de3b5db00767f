from __future__ import annotations

from odoo import api, fields, models
from odoo.exceptions import UserError

from .spapi_account import MANAGER

OPEN_STATUSES = ("UNSHIPPED", "PARTIALLY_SHIPPED")
MAPPABLE_STATES = ("new", "waiting", "exception")
NEWS = "news_after_settled"
"""Amazon has news of an order that a person settled before it was a sale order."""
RETRY_AT_ONCE = 100
"""Orders that are tried again while a person waits; more are left to the import, which commits batch by batch."""


class SpapiOrder(models.Model):
    """An order as Amazon has it, without its buyer, and what became of it in Odoo.

    The buyer's data is sealed in `subject_id`; what could not be understood is sealed in `quarantine_subject_id`.
    """

    _name = "spapi.order"
    _description = "Amazon Order"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "purchase_date desc, id desc"
    _rec_name = "amazon_order_id"

    account_id = fields.Many2one("spapi.account", required=True, readonly=True, index=True, ondelete="restrict")
    company_id = fields.Many2one(related="account_id.company_id", store=True, precompute=True, index=True)
    amazon_order_id = fields.Char(required=True, readonly=True, index=True)
    marketplace_id = fields.Many2one("spapi.marketplace", readonly=True, index="btree_not_null")
    status = fields.Selection(
        [
            ("PENDING_AVAILABILITY", "Pre-order"),
            ("PENDING", "Pending"),
            ("UNSHIPPED", "Unshipped"),
            ("PARTIALLY_SHIPPED", "Partially shipped"),
            ("SHIPPED", "Shipped"),
            ("CANCELLED", "Cancelled"),
            ("UNFULFILLABLE", "Unfulfillable"),
        ],
        string="Status at Amazon",
        readonly=True,
    )
    fulfilled_by = fields.Selection(
        [("MERCHANT", "Seller (FBM)"), ("AMAZON", "Amazon (FBA)")], string="Shipped By", readonly=True
    )
    programs = fields.Char(
        string="Programme Codes", readonly=True, help="Amazon's programmes of the order: Prime, Business, Premium…"
    )
    purchase_date = fields.Datetime(readonly=True)
    last_updated = fields.Datetime(string="Last Update at Amazon", readonly=True)
    ship_by = fields.Datetime(readonly=True, index="btree_not_null", help="Amazon counts a later dispatch as late.")
    deliver_by = fields.Datetime(readonly=True)
    country_id = fields.Many2one("res.country", string="Destination", readonly=True)
    currency_id = fields.Many2one("res.currency", readonly=True)
    amount_total = fields.Monetary(string="Total at Amazon", readonly=True)
    item_count = fields.Integer(string="Units", readonly=True)
    line_ids = fields.One2many("spapi.order.line", "order_id", string="Lines", readonly=True)

    state = fields.Selection(
        [
            ("pending", "Pending at Amazon"),
            ("new", "To import"),
            ("waiting", "Waiting for a product"),
            ("imported", "Imported"),
            ("ignored", "Not imported"),
            ("exception", "Exception"),
            ("quarantined", "Quarantined"),
            ("cancelled", "Cancelled"),
            ("settled", "Settled outside Odoo"),
        ],
        required=True,
        default="new",
        readonly=True,
        index=True,
    )
    problem_code = fields.Char(readonly=True, help="Short name of the reason, for filters and support.")
    problem = fields.Text(readonly=True, help="Why the order is not a confirmed sale order, and what to do.")
    missing_skus = fields.Char(string="Missing SKUs", readonly=True)
    has_unknown_fields = fields.Boolean(
        readonly=True,
        help="Amazon sent fields that this version does not know. They are kept sealed with the order.",
    )
    sale_order_id = fields.Many2one(
        "sale.order", readonly=True, index="btree_not_null", ondelete="set null", copy=False
    )
    subject_id = fields.Many2one(
        "pii.subject", string="Buyer", readonly=True, index="btree_not_null", ondelete="set null"
    )
    person_erased = fields.Boolean(
        string="Buyer Erased",
        compute="_compute_person_erased",
        compute_sudo=True,
        help="The buyer's personal data was erased on its day; the order stays, under the pseudonym.",
    )
    quarantine_subject_id = fields.Many2one("pii.subject", readonly=True, index="btree_not_null", ondelete="set null")
    fiscal_position_id = fields.Many2one("account.fiscal.position", readonly=True)
    fiscal_reason = fields.Char(
        string="Why This Fiscal Position", readonly=True, help="Decided at import, while the address was open."
    )

    # === MIRROR === #

    business_json = fields.Json(string="Business Data", readonly=True, copy=False, groups=MANAGER, prefetch=False)
    included_parts = fields.Char(readonly=True, help="Parts of the order that Amazon was asked for.")
    current_parts = fields.Char(
        readonly=True, help="Those of them that were asked for since the last update at Amazon."
    )
    payload_hash = fields.Char(readonly=True, help="Digest of the business data, which holds no personal data.")
    mapped_hash = fields.Char(readonly=True, help="Digest of the items and amounts that the sale order was made from.")

    _order_uniq = models.Constraint("UNIQUE(account_id, amazon_order_id)", "An Amazon order is imported once.")
    _ended_index = models.Index("(company_id, COALESCE(GREATEST(last_updated, purchase_date), create_date))")
    _to_map_index = models.Index("(account_id, id) WHERE state = 'new'")
    _newest_index = models.Index("(purchase_date, id)")

    # === COMPUTE === #

    @api.depends("subject_id.state")
    def _compute_person_erased(self) -> None:
        for order in self:
            order.person_erased = order.subject_id.state == "erased"

    def _departure_country(self):
        """Return the country that Amazon says the parcels left from; none when it says nothing, or several."""
        self.ensure_one()
        # sudo: the mirror is for managers; a country is no secret
        packages = (self.sudo().business_json or {}).get("packages")
        codes = {
            address.get("countryCode")
            for package in (packages if isinstance(packages, list) else [])
            if isinstance(package, dict) and isinstance(address := package.get("shipFromAddress"), dict)
        } - {None}
        countries = self.env["res.country"].search([("code", "in", list(codes))])
        return countries if len(codes) == 1 else countries.browse()

    # === ACTIONS === #

    def action_retry(self) -> dict:
        """Try again to make sale orders: after a product was assigned, a setting corrected, a role granted."""
        orders = self.filtered(lambda order: order.state in MAPPABLE_STATES)
        if not orders:
            raise UserError(self.env._("None of these orders waits for anything."))
        if len(orders) > RETRY_AT_ONCE:
            return orders._retry_later()
        service = orders._as_service()
        imported = service.filtered("sale_order_id")
        imported._confirm_address()
        done = (service - imported)._map_orders()
        (imported + done.filtered("follow_up"))._follow_news()
        done += imported.filtered(lambda order: order.state != "exception")
        # sudo: the queue of unmapped SKUs is brought up to date whoever presses
        orders.sudo().account_id._refresh_waiting_skus()
        left = len(orders) - len(done)
        message = self.env._("Orders that are in order now: %s.", len(done))
        if left:
            message += " " + self.env._("Still waiting: %s; each says why.", left)
        return _notification(message, "warning" if left else "success")

    def _retry_later(self) -> dict:
        """Leave these orders to the import's next run, which begins at once."""
        self.check_access("read")
        orders = self.sudo()  # sudo: states are the import's
        imported = orders.filtered("sale_order_id")
        imported._confirm_address()
        imported.follow_up = True
        (orders - imported).filtered(lambda order: order._is_mappable()).state = "new"
        orders.account_id._trigger_import()
        return _notification(self.env._("%s orders are tried again within minutes.", len(self)), "info")

    def action_view_sale_order(self) -> dict:
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "sale.order",
            "res_id": self.sale_order_id.id,
            "view_mode": "form",
        }

    def action_view_deliveries(self) -> dict:
        """Open the delivery, or the list of them."""
        self.ensure_one()
        self.check_access("read")
        # sudo: the warehouse ships the order without a right on sales
        pickings = self.sudo().sale_order_id.picking_ids
        action = self.env["ir.actions.actions"]._for_xml_id("stock.action_picking_tree_all")
        action.update(domain=[("id", "in", pickings.ids)], context={})
        if len(pickings) == 1:
            action.update(views=[(False, "form")], res_id=pickings.id)
        return action

    def action_assign_products(self) -> dict:
        """List the SKUs without product, ready to be filled in."""
        lines = self.line_ids.filtered(lambda line: line.sku and not line.product_id)
        listings = self.env["spapi.listing"]._ensure_for(lines)
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("SKUs Without Product"),
            "res_model": "spapi.listing",
            "view_mode": "list",
            "domain": [("id", "in", listings.ids)],
        }

    # === BUSINESS === #

    def _as_service(self):
        """The same orders for the identity that imports: a person's rights do not decide what an import does."""
        self.check_access("read")
        user = self.env.ref("amazon_spapi_connector.user_service")
        context = {"lang": self.env.lang, "allowed_company_ids": self.sudo().company_id.ids}
        return self.with_user(user).with_context(**context)

    def _set_problem(self, state: str, code: str, text: str) -> None:
        """Stop the orders in `state`. `text` is for a back-office user and holds no personal data."""
        for order in self.sudo():
            if (order.state, order.problem_code, order.problem) != (state, code, text):
                order.write({"state": state, "problem_code": code, "problem": text})

    @api.model
    def _retry_for_skus(self, account_ids: list[int], skus: list[str]) -> None:
        """Put orders that wait for one of `skus` back in the queue; the next run of the cron maps them."""
        lines = (
            self.env["spapi.order.line"]
            .sudo()
            .search(
                [("order_id.state", "=", "waiting"), ("sku", "in", skus), ("order_id.account_id", "in", account_ids)]
            )
        )
        lines.order_id.write({"state": "new"})
        if lines:
            self.env.ref("amazon_spapi_connector.ir_cron_import_orders").sudo()._trigger()


def _notification(message: str, kind: str) -> dict:
    return {
        "type": "ir.actions.client",
        "tag": "display_notification",
        "params": {"message": message, "type": kind, "next": {"type": "ir.actions.client", "tag": "soft_reload"}},
    }

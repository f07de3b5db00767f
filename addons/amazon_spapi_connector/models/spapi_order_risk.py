from __future__ import annotations

from datetime import UTC, datetime, timedelta

from odoo import api, fields, models
from odoo.fields import Domain

from ..mapping.working_time import hours_between, moment_before

TO_SHIP = Domain(
    [
        ("status", "in", ("UNSHIPPED", "PARTIALLY_SHIPPED")),
        ("fulfilled_by", "=", "MERCHANT"),
        ("state", "not in", ("cancelled", "ignored")),
    ]
)
LOOK_BACK = timedelta(days=30)
"""How far before the ship-by date working hours are looked for: more than any holiday that a warehouse takes."""
NEAR = (timedelta(days=60), timedelta(days=180))
"""Ship-by dates so long ago or ahead that no calendar is asked: whoever reads old orders does not wait for one."""


class SpapiOrder(models.Model):
    """Whether an order will leave in time, by the hours in which somebody works.

    What the working calendar says is kept as one moment for each order, from which on it is at risk: lists filter by it
    and nothing is computed again as time goes by.
    """

    _inherit = "spapi.order"

    risk_from = fields.Datetime(
        string="At Risk From",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="From then on fewer working hours are left until the ship-by date than the account asks for.",
    )
    ship_risk = fields.Selection(
        [("ok", "In time"), ("risk", "At risk"), ("late", "Late")],
        string="Shipping",
        compute="_compute_ship_risk",
        search="_search_ship_risk",
        help="By the company's working hours: late is what Amazon already counts as late.",
    )
    hours_left = fields.Float(
        string="Working Hours Left",
        compute="_compute_hours_left",
        help="Hours of the company's working calendar until Amazon counts the shipment as late.",
    )

    # what is to be shipped is little beside all that ever was
    _to_ship_index = models.Index("(ship_by, id) WHERE status IN ('UNSHIPPED', 'PARTIALLY_SHIPPED')")

    @api.depends("ship_by", "risk_from", "status", "fulfilled_by", "state")
    def _compute_ship_risk(self) -> None:
        now = fields.Datetime.now()
        to_ship = self.filtered_domain(TO_SHIP)
        (self - to_ship).ship_risk = False
        for order in to_ship:
            if not order.ship_by:
                order.ship_risk = False
            elif order.ship_by <= now:
                order.ship_risk = "late"
            else:
                order.ship_risk = "risk" if order.risk_from and order.risk_from <= now else "ok"

    def _search_ship_risk(self, operator: str, value):
        if operator != "in":
            return NotImplemented
        now = fields.Datetime.now()
        ahead = Domain("ship_by", ">", now)
        moments = {
            "late": Domain("ship_by", "<=", now),
            "risk": ahead & Domain("risk_from", "<=", now),
            "ok": ahead & (Domain("risk_from", "=", False) | Domain("risk_from", ">", now)),
        }
        chosen = [moments[item] for item in value if item in moments]
        # all of them is what most lists ask for, and one walk through an index
        dated = Domain("ship_by", "!=", False) if len(chosen) == len(moments) else Domain.OR(chosen)
        domain = TO_SHIP & dated
        return domain | ~TO_SHIP | Domain("ship_by", "=", False) if False in value else domain

    @api.depends("ship_by", "status", "fulfilled_by", "state")
    def _compute_hours_left(self) -> None:
        now = fields.Datetime.now()
        to_ship = self.filtered_domain(TO_SHIP).filtered(
            lambda order: order.ship_by and now < order.ship_by < now + NEAR[1]
        )
        (self - to_ship).hours_left = 0.0
        for company, orders in to_ship.grouped("company_id").items():
            intervals = self._work_intervals(company, now, max(orders.mapped("ship_by")))
            for order in orders:
                order.hours_left = hours_between(intervals, now, order.ship_by)

    # === STORED MOMENT === #

    @api.model_create_multi
    def create(self, vals_list):
        rows = [vals for vals in vals_list if vals.get("ship_by")]
        accounts = self.env["spapi.account"].browse({vals["account_id"] for vals in rows})
        for account in accounts:
            own = [vals for vals in rows if vals["account_id"] == account.id]
            moments = self._risk_moments(account, [vals["ship_by"] for vals in own])
            for vals in own:
                vals["risk_from"] = moments[vals["ship_by"]]
        return super().create(vals_list)

    def write(self, vals):
        if "ship_by" in vals:
            moved = self.filtered(lambda order: order.ship_by != vals["ship_by"])
            for account, orders in moved.grouped("account_id").items():
                moments = self._risk_moments(account, [vals["ship_by"]] if vals["ship_by"] else [])
                super(SpapiOrder, orders).write({"risk_from": moments.get(vals["ship_by"], False)})
        return super().write(vals)

    @api.model
    def _risk_moments(self, account, moments: list[datetime]) -> dict[datetime, datetime]:
        """``{ship-by date: from when on it is at risk}``; the calendar is asked once for all of them."""
        # sudo: how many hours a warehouse needs is no secret, and the import asks for it
        hours = account.sudo().risk_hours
        now = fields.Datetime.now()
        result = {moment: moment - timedelta(hours=hours) for moment in moments}
        near = {moment for moment in moments if now - NEAR[0] < moment < now + NEAR[1]}
        if near:
            intervals = self._work_intervals(account.sudo().company_id, min(near) - LOOK_BACK, max(near))
            result |= {moment: moment_before(intervals, moment, hours) for moment in near}
        return result

    @api.model
    def _work_intervals(self, company, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """The times of work of a company, holidays taken out; always, for a company without a calendar."""
        # sudo: readers of orders need not be readers of working calendars
        calendar = company.sudo().resource_calendar_id
        if not calendar:
            return [(start, end)]
        found = calendar._work_intervals_batch(start.replace(tzinfo=UTC), end.replace(tzinfo=UTC))[False]
        return [
            (begin.astimezone(UTC).replace(tzinfo=None), stop.astimezone(UTC).replace(tzinfo=None))
            for begin, stop, _source in found
        ]

    def _refresh_risk(self) -> None:
        """Ask the calendar anew; only what differs is written."""
        for account, orders in self.grouped("account_id").items():
            moments = self._risk_moments(account, orders.mapped("ship_by"))
            for order in orders:
                if order.risk_from != moments.get(order.ship_by):
                    order.risk_from = moments.get(order.ship_by)

    @api.autovacuum
    def _refresh_risk_daily(self) -> None:
        """Holidays and working hours may have been changed since the orders came."""
        self.search(TO_SHIP & Domain("ship_by", ">", fields.Datetime.now()))._refresh_risk()


class SpapiAccount(models.Model):
    _inherit = "spapi.account"

    risk_hours = fields.Float(
        string="Working Hours Needed to Ship",
        default=8.0,
        required=True,
        help="An order is at risk when fewer working hours than these are left until Amazon counts it as late.",
    )

    _risk_hours_fit = models.Constraint(
        "CHECK(risk_hours >= 0 AND risk_hours <= 120)", "The working hours needed to ship are between 0 and 120."
    )

    def write(self, vals):
        changed = self.filtered(lambda account: "risk_hours" in vals and account.risk_hours != vals["risk_hours"])
        result = super().write(vals)
        if changed:
            # sudo: orders are nobody's to write; their risk follows the account
            orders = self.env["spapi.order"].sudo()
            orders.search(
                TO_SHIP & Domain("account_id", "in", changed.ids) & Domain("ship_by", "!=", False)
            )._refresh_risk()
        return result

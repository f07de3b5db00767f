from datetime import datetime, timedelta

from odoo import api, fields, models
from odoo.tools import format_date

from .. import clock, clock_seals, evaluated, moving
from ..clock_seals import COLUMNS


class PiiSubject(models.Model):
    """The clock: what is known about the order, and until when its person is kept because of it."""

    _inherit = "pii.subject"

    created_on = fields.Date(string="Ordered", readonly=True, copy=False)
    open_on = fields.Date(string="Open on", readonly=True, copy=False, help="The last day on which it was not shipped.")
    shipped_on = fields.Date(string="Shipped", readonly=True, copy=False)
    delivered_on = fields.Date(string="Delivered", readonly=True, copy=False, help="Only delivery that is proven.")
    cancelled_on = fields.Date(string="Cancelled", readonly=True, copy=False)
    fba_on = fields.Date(string="Shipped by the Marketplace", readonly=True, copy=False)
    invoice_due_on = fields.Date(string="Invoice Owed Until", readonly=True, copy=False)
    invoiced_on = fields.Date(string="Invoiced", readonly=True, copy=False)
    limit_on = fields.Date(
        string="Not Beyond",
        readonly=True,
        copy=False,
        help="Somebody changed in the database what is known about the order. Nothing extends this day any more.",
    )
    is_open = fields.Boolean(readonly=True, copy=False, help="Waits to be shipped; its deadline moves on each day.")
    # the earliest bucket it was ever sealed into: dumps of all days since hold it under the keys from there on
    sealed_from = fields.Date(readonly=True, copy=False)
    # a MAC with a key outside of the database, see clock_seals.py; it says nothing about the person
    clock_seal = fields.Char(readonly=True, copy=False, prefetch=False, groups="pii_retention.group_auditor")
    deadline_text = fields.Char(string="Until when, and why", compute="_compute_deadline_text")

    _open_idx = models.Index("(company_id, open_on) WHERE state = 'live' AND is_open")

    # === FACTS === #

    def _clock_facts(self):
        """Return what is known about the order as :class:`clock.Facts`."""
        self.ensure_one()
        known = {name: self[column] or None for name, column in COLUMNS.items()}
        # a subject of the time before the clock knew facts: its deadline says when it began
        if not known["created"]:
            days = self.company_id._pii_clock_figures().days
            known["created"] = self.deadline - timedelta(days=days)
        return clock.Facts(**known)

    @api.model
    def _clock_columns(self, facts):
        """Return the columns that keep ``facts``."""
        columns = {column: getattr(facts, name) or False for name, column in COLUMNS.items()}
        return {**columns, "is_open": facts.is_open}

    @api.model
    def _clock_day(self, company, day, facts):
        """Return the calendar day of the company that a piece of news is about.

        :param day: a date, a moment (naive UTC, or aware), or None for now
        :param facts: what is known; now is not before that, even where a clock was put back
        """
        now = max(company._pii_day(), facts.latest)
        if day is None:
            return now
        if isinstance(day, datetime):
            day = company._pii_day(day)
        return min(day, now)  # nothing has happened tomorrow

    def _record(self, event, day=None):
        """Take in a piece of news about the orders of these subjects, and move them to where it leads.

        Late, doubled or shuffled news comes to the same. Who is erased already stays so.

        :param str event: one of ``clock.EVENTS``
        :param day: when it happened: a date of the company, or a moment (naive UTC, or aware); None for now. For
            ``invoice_due`` the last day on which the invoice may be issued, None for any until the data must be gone
        :raise UserError: the key store cannot be used
        """
        subjects = self.sudo().filtered(lambda subject: subject.state == "live")  # sudo: whoever brings the news
        clock_seals.disown_altered(subjects)
        changed = subjects.browse()
        for subject in subjects:
            known = subject._clock_facts()
            if event == "invoice_due":
                when = day or clock.NO_LIMIT
            else:
                when = self._clock_day(subject.company_id, day, known)
            facts = known.merged(clock.Facts(**{event: when}))
            if facts != known:
                clock_seals.write(subject, self._clock_columns(facts))
                changed |= subject
        moving.settle(changed)

    def _move(self, day, rule):
        """Seal the subjects again for another day. For modules: nobody decides in typed code how long data lives."""
        if evaluated.is_typed():
            raise PermissionError("A deadline follows from what happened to the order.")
        moving.move(self, day, rule)

    def _is_over(self):
        """Return those whose last day has passed in their company's time zone, purged or not."""
        subjects = self.sudo()  # sudo: until when data is kept is no personal data
        due = subjects.filtered(lambda subject: clock.is_over(subject.deadline, subject.company_id._pii_day()))
        # a hold keeps its subjects although the daily run that moves them on is still to come
        live = due.filtered(lambda subject: subject.state == "live")
        return (due - live._held()).with_env(self.env)

    # === EXPLANATION === #

    @api.depends("deadline", "deadline_rule", "state", "company_id", *COLUMNS.values())
    @api.depends_context("lang")
    def _compute_deadline_text(self):
        for subject in self:
            subject.deadline_text = subject._explanation()

    def _explanation(self):
        """Say until when the person is kept, or when the data ended, and why."""
        self.ensure_one()
        if not self.deadline:
            return False
        subject = self.sudo()  # sudo: days of an order are no personal data
        company, facts = subject.company_id, subject._clock_facts()
        why = subject._why(facts, company._pii_clock_figures())
        if subject.state == "erased":
            return self.env._("Erased. %s", why)
        last = subject.deadline - timedelta(days=1)
        return self.env._(
            "Until the end of %(day)s (%(zone)s). %(why)s",
            day=_shown(self.env, last),
            zone=company._pii_figure("tz"),
            why=why,
        )

    def _why(self, facts, figures):
        """Return the sentence of the rule."""
        self.ensure_one()
        _ = self.env._
        days, rule = figures.days, self.deadline_rule
        on = {name: _shown(self.env, getattr(facts, name)) for name in clock.EVENTS if getattr(facts, name)}
        created = on["created"]
        sentences = {
            "created": lambda: _("%(days)s days after the order of %(day)s.", days=days, day=created),
            "open": lambda: _(
                "The order is not shipped: %(days)s days from %(day)s, and a day longer with each day that it waits, "
                "up to %(most)s days after the order.",
                days=days,
                day=on.get("open", created),
                most=figures.open_days,
            ),
            "shipped": lambda: _(
                "%(days)s days after the shipment of %(day)s; nothing extends that.",
                days=days,
                day=on.get("shipped", on.get("open", created)),
            ),
            "delivered": lambda: _(
                "%(days)s days after the proven delivery of %(day)s; nothing extends that.",
                days=days,
                day=on.get("delivered", created),
            ),
            "cancelled": lambda: _(
                "The order was cancelled on %s: nothing is shipped, nobody needs the person any more.",
                on.get("cancelled", created),
            ),
            "fba": lambda: _("The marketplace ships this order itself: nobody here needs the person."),
            "invoice": lambda: _(
                "An invoice is still owed; the data goes when it is issued, or on this day at the latest."
            ),
            "invoiced": lambda: _("Nothing is shipped, and the invoice was issued on %s.", on.get("invoiced", created)),
            "altered": lambda: _(
                "Somebody changed in the database what is known about the order. The data goes with the key of this "
                "day; nothing extends that."
            ),
            "held": lambda: _("A legal hold keeps it, day by day; without the hold it would be gone already."),
        }
        return sentences[rule]()


def _shown(env, day) -> str:
    return format_date(env, day, date_format="d MMMM y")

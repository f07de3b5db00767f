from datetime import timedelta

from odoo import api, models
from odoo.tools import SQL

from .. import clock_seals, moving

BATCH = 200


class PiiSubject(models.Model):
    """The daily round of the clock: holds, open orders, tightened policies. Interrupted anywhere, it goes on later."""

    _inherit = "pii.subject"

    @api.model
    def _cron_clock(self):
        """Bring each company's subjects to where they belong today; batch by batch, each committed."""
        # sudo: scheduled work; nothing is read
        for company in self.env["res.company"].sudo().search([]):
            self.sudo()._roll_held(company)
            for step in (self._clock_open, self._clock_exceeding):
                last = 0
                while True:
                    found = step(company, last)
                    if not found:
                        break
                    moving.settle(found)
                    last = found[-1:].id
                    if not self.env["ir.cron"]._commit_progress(len(found), remaining=1):
                        return
            self.env["ir.cron"]._commit_progress(0, remaining=0)

    @api.model
    def _roll_held(self, company):
        """Move the company's subjects that a hold keeps, and whose day has come, into the next day's bucket.

        What destroys the keys of a day calls this first.

        :return: the subjects that were moved
        """
        # sudo: as in _cron_clock
        due = self.sudo().search(
            [("company_id", "=", company.id), ("state", "=", "live"), ("deadline", "<=", company._pii_day())]
        )
        held = due._held()
        moving.settle(held, held=held)
        return held

    @api.model
    def _clock_open(self, company, last):
        """Return the next batch of orders that wait another day, having noted that; empty at the end."""
        today = company._pii_day()
        # sudo: as in _cron_clock
        found = self.sudo().search(
            [
                ("company_id", "=", company.id),
                ("state", "=", "live"),
                ("is_open", "=", True),
                ("open_on", "<", today),
                ("created_on", ">=", today - timedelta(days=company._pii_figure("open_days"))),
                # who has reached the end of his time does not come back because nobody came to look
                ("deadline", ">", today),
            ],
            order="id",
            limit=BATCH,
        )
        clock_seals.disown_altered(found)
        for subject in found:
            if subject.is_open:
                clock_seals.write(subject, {"open_on": today})
        return found

    @api.model
    def _clock_exceeding(self, company, last):
        """Return the next batch of subjects that would live longer than their facts and the policy allow.

        A policy that was tightened leaves them behind, or somebody who wrote a later day into the database.
        """
        figures = company._pii_clock_figures()
        self.env["pii.subject"].flush_model()
        waited = SQL("GREATEST(created_on, LEAST(COALESCE(open_on, created_on), created_on + %s))", figures.open_days)
        by_delivery = figures.anchor == "delivery"
        counted_from = SQL(
            """CASE WHEN shipped_on IS NOT NULL THEN
                         CASE WHEN %(by_delivery)s AND delivered_on >= GREATEST(shipped_on, created_on)
                              THEN delivered_on ELSE GREATEST(shipped_on, created_on) END
                    WHEN delivered_on IS NOT NULL THEN
                         CASE WHEN %(by_delivery)s THEN GREATEST(delivered_on, created_on)
                              ELSE GREATEST(created_on, LEAST(%(waited)s, delivered_on)) END
                    ELSE %(waited)s END""",
            by_delivery=by_delivery,
            waited=waited,
        )
        self.env.cr.execute(
            SQL(
                """SELECT id FROM pii_subject
                    WHERE company_id = %s AND state = 'live' AND deadline_rule != 'held' AND id > %s
                      AND deadline > LEAST(%s + %s, limit_on)
                    ORDER BY id LIMIT %s""",
                company.id,
                last,
                counted_from,
                figures.days,
                BATCH,
            )
        )
        # sudo: as in _cron_clock
        return self.sudo().browse(row[0] for row in self.env.cr.fetchall())

from contextlib import contextmanager
from uuid import uuid4

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from .. import disclosures
from ..purposes import PURPOSES

OFFICER = "pii_retention.group_privacy_officer"


class PiiRecipient(models.Model):
    """A third party that gets personal data, with what it may get, for what, and when that was last assessed."""

    _name = "pii.recipient"
    _description = "Recipient of Personal Data"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "name, id"
    _allow_sudo_commands = False

    name = fields.Char(required=True, tracking=True, help="The organisation, as in its contract.")
    kind = fields.Selection(
        [
            ("carrier", "Carrier"),
            ("tax_intermediary", "Tax intermediary"),
            ("marketplace", "Marketplace"),
            ("processor", "Processor"),
        ],
        required=True,
        tracking=True,
    )
    company_id = fields.Many2one(
        "res.company",
        default=lambda self: self.env.company,
        tracking=True,
        index=True,
        help="The company whose contract it is; empty for an agreement that covers all companies.",
    )
    country_id = fields.Many2one("res.country", tracking=True, help="Where it processes the data.")
    scope_ids = fields.One2many("pii.recipient.scope", "recipient_id", string="What It Gets")
    agreement = fields.Char(tracking=True, help="Reference of the contract or data processing agreement.")
    contact = fields.Char(tracking=True, help="Whom to reach there about personal data: their office, not a customer.")
    assessed_on = fields.Date(string="Last Assessed", readonly=True, copy=False, tracking=True)
    assessed_by_id = fields.Many2one("res.users", readonly=True, copy=False, tracking=True)
    assessment_due = fields.Date(string="Next Assessment", compute="_compute_assessment_due")
    notice_days = fields.Integer(
        string="Remind Before (days)",
        default=30,
        required=True,
        help="So many days before the next assessment is due, the privacy officers get an activity.",
    )
    state = fields.Selection(
        [("draft", "Draft"), ("active", "Active"), ("suspended", "Suspended"), ("ended", "Ended")],
        required=True,
        default="draft",
        readonly=True,
        copy=False,
        tracking=True,
    )
    is_overdue = fields.Boolean(compute="_compute_assessment_due")
    disclosure_count = fields.Integer(string="Disclosures", compute="_compute_disclosure_count")

    _notice_positive = models.Constraint("CHECK (notice_days > 0)", "Remind at least one day before.")
    _agreement_when_active = models.Constraint(
        "CHECK (state <> 'active' OR (agreement <> '' AND assessed_on IS NOT NULL AND country_id IS NOT NULL))",
        "An active recipient has an agreement, a country and an assessment.",
    )

    @api.depends("assessed_on", "company_id")
    @api.depends_context("company")
    def _compute_assessment_due(self):
        today = fields.Date.context_today(self)
        for recipient in self:
            due = recipient.assessed_on and recipient.assessed_on + relativedelta(months=recipient._assessment_months())
            recipient.assessment_due = due
            recipient.is_overdue = bool(due) and due < today

    def _assessment_months(self, companies=None):
        """Return after how many months an assessment is too old: the strictest of the companies concerned."""
        # sudo: the figures of a policy bind everybody
        companies = (companies or self.company_id or self.env.company).sudo()
        return min(company._pii_figure("assessment_months") for company in companies)

    def _compute_disclosure_count(self):
        counts = dict(
            self.env["pii.disclosure"]._read_group(
                [("recipient_ref", "in", self.ids)], groupby=["recipient_ref"], aggregates=["__count"]
            )
        )
        for recipient in self:
            recipient.disclosure_count = counts.get(recipient.id, 0)

    @api.constrains("company_id")
    def _check_company_of_ledger(self):
        for recipient in self:
            companies = set(
                self.env["pii.disclosure"].sudo().search([("recipient_ref", "=", recipient.id)]).mapped("company_ref")
            )
            if recipient.company_id and companies - {recipient.company_id.id}:
                raise ValidationError(
                    self.env._("%s got data of another company already. Register it for this one anew.", recipient.name)
                )

    # === ACTIONS === #

    def action_assess(self):
        """Record that the recipient was assessed today, by whoever presses the button."""
        self.check_access("write")
        for recipient in self:
            if not recipient.agreement or not recipient.country_id or not recipient.scope_ids:
                raise UserError(
                    self.env._(
                        "An assessment says under which agreement %s gets which data in which country: fill these in "
                        "first.",
                        recipient.name,
                    )
                )
        self.write({"assessed_on": fields.Date.context_today(self), "assessed_by_id": self.env.uid})
        self.activity_feedback(["pii_retention.activity_assessment"])

    def action_activate(self):
        for recipient in self:
            if not recipient.assessed_on or recipient.is_overdue:
                raise UserError(
                    self.env._("Assess %s first: its last assessment is missing or too old.", recipient.name)
                )
        self.write({"state": "active"})

    def action_suspend(self):
        """Stop all sending to the recipient at once."""
        self.write({"state": "suspended"})

    def action_end(self):
        self.write({"state": "ended"})

    def action_view_disclosures(self):
        self.ensure_one()
        action = self.env["ir.actions.actions"]._for_xml_id("pii_retention.pii_disclosure_action")
        return {**action, "domain": [("recipient_ref", "=", self.id)], "context": {}}

    def unlink(self):
        # sudo: the ledger is evidence, whoever may read it
        if self.env["pii.disclosure"].sudo().search_count([("recipient_ref", "in", self.ids)], limit=1):
            raise UserError(self.env._("A recipient that the ledger names stays in the register: end it instead."))
        return super().unlink()

    @api.model
    def _cron_remind_assessments(self):
        """Give the officers an activity for each active recipient whose assessment is due soon, once."""
        kind = self.env.ref("pii_retention.activity_assessment")
        for recipient in self.search([("state", "=", "active")]):
            due = recipient.assessment_due
            if not due or due - relativedelta(days=recipient.notice_days) > fields.Date.context_today(self):
                continue
            asked = recipient.activity_ids.filtered(lambda activity: activity.activity_type_id == kind).user_id
            for officer in recipient._officers() - asked:
                recipient.activity_schedule("pii_retention.activity_assessment", date_deadline=due, user_id=officer.id)

    def _officers(self):
        """Return the privacy officers who work for the recipient's company, or for any if it has none."""
        officers = self.env.ref(OFFICER).sudo().all_user_ids.filtered("active")
        return officers.filtered(lambda user: not self.company_id or self.company_id in user.company_ids)

    # === DISCLOSURE === #

    @api.private
    @contextmanager
    def disclose(self, subjects, purpose, document, reason=None):
        """Open ``subjects`` to send their data to this recipient, and write the ledger.

        Yields the environment of ``subjects.reveal(purpose, reason)``; render and send in it, write to the database
        after it (PostgreSQL refuses it inside). The row of the ledger is committed before anything is opened: it says
        "sent" from the moment at which the data can leave. A second row with the same transfer follows when the gate
        refused ("refused") or the sending ended in an error ("failed": the recipient may have it nonetheless).

        :param subjects: ``pii.subject`` recordset; without any, nothing is checked or written
        :param str purpose: a code of ``purposes.PURPOSES``
        :param str document: what is sent, by reference (``WH/OUT/00012``); never a name
        :raise UserError: the recipient may not get this (logged as refused); the message says what to do
        :raise AccessError: the gate refuses
        """
        subjects = subjects.browse(set(subjects.ids))
        if not subjects:
            yield self.env
            return
        # sudo: the register decides, whether or not the sender may read it
        recipient = self.sudo()
        known = PURPOSES.get(purpose)
        row = {"purpose": known and purpose, "document": document, "reason": reason, "transfer": str(uuid4())}
        if refusal := recipient._refusal(subjects.sudo(), known):
            disclosures.append(self.env, recipient, subjects, "refused", classes=known.classes if known else (), **row)
            raise UserError(refusal)
        row["classes"] = known.classes
        disclosures.append(self.env, recipient, subjects, "sent", **row)
        inside = False
        try:
            with subjects.reveal(purpose, reason, document) as env:
                inside = True
                yield env
        except BaseException:
            disclosures.append(self.env, recipient, subjects, "failed" if inside else "refused", **row)
            raise

    def _refusal(self, subjects, purpose):
        """Return why the recipient may not get data of ``subjects`` for ``purpose``, as a sentence; None if it may."""
        if not self:
            return self.env._(
                "Nobody is registered to receive this customer's personal data. Ask a privacy officer to register the "
                "recipient under Privacy, then choose it where the data is sent from."
            )
        self.ensure_one()
        if purpose is None:
            return self.env._("There is no such purpose for which personal data may be sent.")
        if self.state != "active":
            return self.env._(
                "“%(recipient)s” is not an active recipient of personal data (%(state)s). Ask a privacy officer.",
                recipient=self.name,
                state=dict(self._fields["state"]._description_selection(self.env))[self.state],
            )
        companies = subjects.company_id
        if self.company_id and companies != self.company_id:
            return self.env._(
                "“%(recipient)s” is registered for %(company)s, and these customers belong to another company. Ask a "
                "privacy officer to register it for theirs.",
                recipient=self.name,
                company=self.company_id.name,
            )
        months = self._assessment_months(companies)
        today = fields.Date.context_today(self)
        if not self.assessed_on or self.assessed_on > today or self.assessed_on + relativedelta(months=months) < today:
            return self.env._(
                "The last assessment of “%(recipient)s” is older than %(months)s months. A privacy officer must assess "
                "it before more personal data is sent.",
                recipient=self.name,
                months=months,
            )
        scope = self.scope_ids.filtered(lambda line: line.purpose == purpose.code)
        if missing := set(purpose.classes) - scope._classes():
            return self.env._(
                "“%(recipient)s” is not registered to receive this for the purpose “%(purpose)s” (%(classes)s). Ask a "
                "privacy officer to check the register.",
                recipient=self.name,
                purpose=purpose.label,
                classes=", ".join(sorted(missing)),
            )
        return None

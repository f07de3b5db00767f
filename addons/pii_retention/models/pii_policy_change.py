from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError

from .. import channel, policies, reasons
from ..crypto import CryptoError
from ..figures import CATALOGUE, TOPICS, as_text, from_text, is_looser
from ..policy_guard import install

OFFICER = "pii_retention.group_privacy_officer"


def _add(changes, company, figure, before, after, reason):
    """Add a row, and return it with what it is about, whatever other code makes of the row meanwhile.

    Functions, not methods: what is sealed is told by their arguments, and nothing evaluated may choose these.
    """
    vals = {
        "company_id": company.id,
        "figure": figure.name,
        "topic": figure.topic,
        "kind": "loosened" if is_looser(figure, after, before) else "tightened",
        "before": as_text(before),
        "after": as_text(after),
        "reason": (reason or "").strip(),
        "state": "requested",
        "requested_by_id": changes.env.uid,
        "requested_at": fields.Datetime.now(),
    }
    # sudo: nobody writes the history by hand; the context of a client decides nothing
    change = changes.sudo().with_context({}).create(vals)
    return change.with_env(changes.env), policies.terms_from(change.id, vals)


def _apply(change, terms, approver=None):
    """Write down that a change is in force, and seal it as it was agreed on."""
    change = change.sudo()  # sudo: as in _add
    company, now = change.env["res.company"].browse(terms["company"]), fields.Datetime.now()
    vals = {"state": "applied", "in_force_from": now}
    if approver is not None:
        vals |= {"approved_by_id": approver.id, "approved_at": now}
    try:
        # one after the other: numbers have no gaps
        change.env.cr.execute("SELECT FROM res_company WHERE id = %s FOR NO KEY UPDATE", [company.id])
        vals["number"] = policies.next_number(company)
        change.write(vals)
        policies.seal(change, company, terms | policies.decision_from(vals))
    except CryptoError as error:
        raise UserError(str(error)) from error
    change.flush_recordset()
    change.env["pii.policy"]._forget_cached()


class PiiPolicyChange(models.Model):
    """One change of one figure of a company's policy: what it was, what it is, who wanted it and who agreed.

    Rows are added, never changed or removed; PostgreSQL itself refuses that once a change is decided.
    """

    _name = "pii.policy.change"
    _description = "Change of the Policy"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "id desc"
    _allow_sudo_commands = False

    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="restrict", index=True)
    figure = fields.Char(string="Code", required=True, readonly=True, index=True)
    title = fields.Char(string="Figure", compute="_compute_words")
    topic = fields.Selection(list(TOPICS), readonly=True)
    kind = fields.Selection([("tightened", "Tightened"), ("loosened", "Loosened")], required=True, readonly=True)
    before = fields.Char(string="Value Before", required=True, readonly=True)
    after = fields.Char(string="Value After", required=True, readonly=True)
    shown_before = fields.Char(string="Before", compute="_compute_words")
    shown_after = fields.Char(string="After", compute="_compute_words")
    strictest = fields.Char(compute="_compute_words")
    is_beyond = fields.Boolean(string="Looser than the Strict Default", compute="_compute_words")
    reason = fields.Char(readonly=True, help="Why the company needs it. Never name a customer here.")
    state = fields.Selection(
        [("requested", "Requested"), ("applied", "In the policy"), ("refused", "Refused"), ("withdrawn", "Taken back")],
        required=True,
        default="requested",
        readonly=True,
    )
    requested_by_id = fields.Many2one("res.users", required=True, readonly=True, ondelete="restrict")
    requested_at = fields.Datetime(required=True, readonly=True)
    approved_by_id = fields.Many2one("res.users", string="Decided by", readonly=True, ondelete="restrict")
    approved_at = fields.Datetime(string="Decided on", readonly=True)
    in_force_from = fields.Datetime(readonly=True, index=True)
    number = fields.Integer(readonly=True, aggregator=None, help="Changes of a company are counted.")
    request_seal = fields.Char(groups=fields.NO_ACCESS, copy=False)
    seal = fields.Char(groups=fields.NO_ACCESS, copy=False)
    is_genuine = fields.Boolean(
        string="Genuine", compute="_compute_is_genuine", help="The row is what was decided: its seal fits."
    )
    can_decide = fields.Boolean(compute="_compute_can_decide")

    _number_unique = models.UniqueIndex("(company_id, number) WHERE number > 0", "Two changes never share a number.")

    def init(self):
        super().init()
        install(self.env.cr)

    # === WORDS === #

    @api.depends("figure", "before", "after")
    def _compute_words(self):
        policy = self.env["pii.policy"]
        for change in self:
            figure = CATALOGUE.get(change.figure)
            change.title = policy._title(change.figure)
            change.shown_before = policy._shown(change.figure, from_text(figure, change.before)) if figure else ""
            change.shown_after = policy._shown(change.figure, from_text(figure, change.after)) if figure else ""
            change.strictest = policy._shown(change.figure, figure.strict) if figure else ""
            change.is_beyond = bool(figure) and is_looser(figure, from_text(figure, change.after), figure.strict)

    @api.depends("title", "shown_before", "shown_after")
    def _compute_display_name(self):
        for change in self:
            change.display_name = f"{change.title}: {change.shown_before} → {change.shown_after}"

    @api.depends("state", "figure", "before", "after", "number")
    def _compute_is_genuine(self):
        for change in self:
            try:
                change.is_genuine = change.state != "applied" or policies.is_genuine(change)
            except (CryptoError, UserError):
                change.is_genuine = False

    @api.depends("state", "requested_by_id")
    @api.depends_context("uid")
    def _compute_can_decide(self):
        officer = self.env.user.has_group(OFFICER)
        for change in self:
            change.can_decide = officer and change.state == "requested" and change.requested_by_id != self.env.user

    # === MAKING === #

    @api.model
    def _tighten(self, company, name, after, reason=None):
        """Put into the history what is in force from this moment; it protects more, so nobody has to agree.

        :raise UserError: it protects less
        """
        figure, before = CATALOGUE[name], self.env["pii.policy"]._figures(company.id)[name]
        if is_looser(figure, after, before):
            raise UserError(self.env._("This loosens the policy: another privacy officer approves it."))
        change, terms = _add(self, company, figure, before, after, reason)
        _apply(change, terms)
        return change

    @api.model
    def _request(self, company, name, after, reason):
        """Ask the other privacy officers to loosen a figure."""
        self._check_officer_in_person()
        figure, before = CATALOGUE[name], self.env["pii.policy"]._figures(company.id)[name]
        words = company._pii_figure("reason_words")
        if fault := reasons.fault(self.env, reason, words):
            raise ValidationError(fault)
        open_ones = self.sudo().search_count(  # sudo: counted, not shown
            [("company_id", "=", company.id), ("figure", "=", name), ("state", "=", "requested")], limit=1
        )
        if open_ones:
            raise UserError(self.env._("A change of this figure waits for a decision already. Decide about it first."))
        if not self._officers(company) - self.env.user:
            raise UserError(
                self.env._(
                    "Nobody loosens the policy alone, and %s has no second privacy officer. Ask an administrator to "
                    "appoint one.",
                    company.name,
                )
            )
        change, terms = _add(self, company, figure, before, after, reason)
        try:
            policies.seal_request(change, terms)
        except CryptoError as error:
            raise UserError(str(error)) from error
        # sudo: activities are assigned to others; the context of a client could leave them out
        quiet = change.sudo().with_context(mail_activity_automation_skip=False)
        for officer in self._officers(company) - self.env.user:
            quiet.activity_schedule(
                "pii_retention.activity_policy_change", user_id=officer.id, summary=change.display_name
            )
        return change

    # === DECISION === #

    @api.model
    def _officers(self, company):
        return self.env["pii.grant"]._officers(company)

    @api.model
    def _check_officer_in_person(self):
        """Refuse unless a privacy officer acts by hand, signed in."""
        if not channel.in_person(self.env):
            raise AccessError(
                self.env._("A privacy officer loosens a policy in person, signed in to Odoo in a browser.")
            )
        if not self.env.user.has_group(OFFICER):
            raise AccessError(self.env._("Only privacy officers ask for a looser policy and decide about it."))

    def _check_decision(self):
        """Refuse unless another officer than the one who asked decides about exactly what was asked."""
        self.ensure_one()
        self._check_officer_in_person()
        self.flush_recordset()
        self.env.cr.execute("SELECT FROM pii_policy_change WHERE id = %s FOR UPDATE", [self.id])
        self.invalidate_recordset()
        if self.state != "requested":
            raise UserError(self.env._("This change was decided already. Reload it."))
        if self.company_id not in self.env.user.company_ids:
            raise AccessError(self.env._("This change belongs to a company that you do not work for."))
        if self.requested_by_id == self.env.user:
            raise UserError(self.env._("Nobody loosens a policy alone. Ask another privacy officer to decide."))
        try:
            genuine = policies.is_genuine_request(self)
        except CryptoError as error:
            raise UserError(str(error)) from error
        if not genuine:
            raise UserError(
                self.env._(
                    "This request is not what its author has asked for: somebody wrote it past Odoo. Refuse it, and "
                    "let it be asked anew."
                )
            )

    def action_approve(self):
        """Agree to a request of another officer: it is in force at once."""
        for change in self:
            change._check_decision()
            terms = policies.terms_of(change)
            figure = CATALOGUE[terms["figure"]]
            policy = self.env["pii.policy"]._of_company(change.company_id)
            after = from_text(figure, terms["after"])
            policy._check_possible(figure, after)
            if as_text(policy._figures(change.company_id.id)[figure.name]) != terms["before"]:
                raise UserError(
                    self.env._("The figure was changed since this was asked. Refuse it, and let it be asked anew.")
                )
            _apply(change, terms, approver=self.env.user)
            # sudo: the decision is made, the policy follows it
            policy.sudo().write({figure.name: after})
            change._done(self.env._("Approved by %s.", self.env.user.name))

    def action_refuse(self):
        """Keep the policy as it is."""
        self._check_officer_in_person()
        for change in self:
            if change.state != "requested":
                raise UserError(self.env._("This change was decided already. Reload it."))
            # sudo: nobody writes the history by hand
            change.sudo().write(
                {"state": "refused", "approved_by_id": self.env.uid, "approved_at": fields.Datetime.now()}
            )
            change._done(self.env._("Refused by %s.", self.env.user.name))

    def action_withdraw(self):
        """Take a request of one's own back."""
        for change in self:
            if change.state != "requested" or change.requested_by_id != self.env.user:
                raise UserError(self.env._("Only whoever asked takes a request back, while it waits for a decision."))
            change.sudo().write({"state": "withdrawn"})  # sudo: as in action_refuse
            change._done(self.env._("Taken back by %s.", self.env.user.name))

    def _done(self, text):
        for change in self.sudo():  # sudo: activities of others, too
            change.activity_unlink(["pii_retention.activity_policy_change"])
            change.message_post(body=text)

    # === HISTORY === #

    def write(self, vals):
        if not self.env.su and set(vals) - {"message_follower_ids", "activity_ids"}:
            raise AccessError(self.env._("The history of the policy is not written by hand."))
        return super().write(vals)

    def unlink(self):  # pylint: disable=method-required-super
        raise AccessError(self.env._("The history of the policy stays."))

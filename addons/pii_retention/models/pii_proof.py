import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError

from .. import channel, proof
from ..crypto import CryptoError
from ..proof.running import FOUND, LAPSED, OFFICER, OPERATOR

_logger = logging.getLogger(__name__)

GROUP_OFFICER = "pii_retention.group_privacy_officer"
READERS = (GROUP_OFFICER, "pii_retention.group_auditor")
#: Of the proofs of a day the last and those that say something new are kept; older ones than this are thinned out.
_KEPT_WHOLE = timedelta(days=7)


class PiiProof(models.Model):
    """One proof of absence of one company: what was looked for, how much was looked at, what was found."""

    _name = "pii.proof"
    _description = "Proof of Absence"
    _inherit = ["mail.thread"]
    _order = "at desc, id desc"
    _rec_name = "at"
    _allow_sudo_commands = False

    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade")
    number = fields.Integer(
        required=True, readonly=True, aggregator=None, help="Proofs of a company are counted; the last one counts."
    )
    at = fields.Datetime(string="Made on", required=True, readonly=True)
    day = fields.Date(required=True, readonly=True, help="The day that it was for the company.")
    # a number, no reference: a user who is deleted leaves the proof as it was sealed
    user_ref = fields.Integer(string="User Number", readonly=True, aggregator=None)
    user_id = fields.Many2one("res.users", string="By", compute="_compute_user_id")
    person = fields.Selection(
        [(OFFICER, "A privacy officer"), (OPERATOR, "The server's operator")],
        string="Asked for by",
        readonly=True,
        help="Empty: made by itself. Only a person's own check lets the intake go on after it was stopped.",
    )
    blocks = fields.Selection(
        [(FOUND, "Something was found"), (LAPSED, "No proof was made in time")],
        string="Intake Stopped Because",
        readonly=True,
        help="No new personal data is taken in after this proof.",
    )
    line_ids = fields.One2many("pii.proof.line", "proof_id", readonly=True)
    looked = fields.Integer(string="Looked At", compute="_compute_counts", store=True)
    found = fields.Integer(compute="_compute_counts", store=True)
    result = fields.Selection([("clean", "Nothing found"), ("found", "Found")], compute="_compute_counts", store=True)
    seconds = fields.Float(readonly=True, aggregator="max")
    seal = fields.Char(groups=fields.NO_ACCESS, copy=False)
    is_genuine = fields.Boolean(
        string="Seal Fits", compute="_compute_is_genuine", help="Off: the proof was changed outside of Odoo."
    )
    is_newest = fields.Boolean(compute="_compute_is_newest")
    exception_ids = fields.One2many("pii.proof.exception", "proof_id", readonly=True)

    _company_number_idx = models.Index("(company_id, number DESC, id DESC)")

    # === COMPUTE METHODS === #

    @api.depends("line_ids.looked", "line_ids.found")
    def _compute_counts(self):
        for record in self:
            record.looked = sum(record.line_ids.mapped("looked"))
            record.found = sum(record.line_ids.mapped("found"))
            record.result = "found" if record.found else "clean"

    @api.depends("user_ref")
    def _compute_user_id(self):
        known = self.env["res.users"].with_context(active_test=False).browse(set(self.mapped("user_ref"))).exists()
        for record in self:
            record.user_id = known.filtered(lambda user, record=record: user.id == record.user_ref)

    def _compute_is_genuine(self):
        for record in self:
            try:
                record.is_genuine = proof.is_genuine(record)
            except CryptoError:
                record.is_genuine = False

    def _compute_is_newest(self):
        newest = {company: proof.sealing.newest(company).id for company in self.company_id}
        for record in self:
            record.is_newest = newest.get(record.company_id) == record.id

    # === ACTIONS === #

    @api.model
    def _is_reader(self):
        return any(self.env.user.has_group(group) for group in READERS)

    @api.model
    def _check_reader(self):
        if not self._is_reader():
            raise AccessError(self.env._("Only privacy officers and auditors ask for a proof of absence."))

    @api.model
    def _check_officer(self):
        """Refuse unless a privacy officer acts, in person."""
        if not channel.in_person(self.env):
            raise AccessError(self.env._("A privacy officer decides in person, signed in to Odoo."))
        if not self.env.user.has_group(GROUP_OFFICER):
            raise AccessError(self.env._("Only a privacy officer decides about the intake of personal data."))

    def action_check(self):
        """Make a proof now and show it; it does not end a block."""
        self._check_reader()
        return self._show(proof.run(self.env))

    def action_check_again(self):
        """Make a proof as a privacy officer: where nothing is found, the intake goes on."""
        self._check_officer()
        made = proof.run(self.env, person=OFFICER)
        made.filtered(lambda record: not record.blocks)._intake_reopened()
        return self._show(made)

    def _intake_reopened(self):
        """Called for the proofs of companies whose intake is open after an officer has looked.

        A channel that has been waiting for it begins anew at once.
        """

    @api.model
    def _show(self, proofs):
        own = proofs.filtered(lambda record: record.company_id in self.env.companies) or proofs
        mine = own.filtered(lambda record: record.company_id == self.env.company)[:1] or own[:1]
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Proof of Absence"),
            "res_model": self._name,
            "res_id": mine.id,
            "view_mode": "form",
            "views": [(False, "form")],
        }

    def action_request_exception(self):
        """Ask for an exception although something was found; another officer decides about it."""
        self.ensure_one()
        self._check_officer()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Go On Although Something Was Found"),
            "res_model": "pii.proof.exception",
            "view_mode": "form",
            "target": "new",
            "context": {"default_proof_id": self.id},
        }

    # === STANDING === #

    @api.model
    def pii_standing(self):
        """Return how the user's companies stand, for the banner of officers and auditors.

        :return: ``[{company, code, text}]`` of the companies whose intake is stopped; empty for everybody else
        """
        if not self._is_reader():
            return []
        result = []
        for company in self.env.user.company_ids:
            found = proof.standing(self.env, company)
            if not found.is_open and found.code != "none":
                result.append({"company": company.name, "code": found.code, "text": found.text})
        return result

    # === SCHEDULED === #

    @api.model
    def _cron_proof(self):
        """Make the proof of all companies; in the first days of a database there may be nothing to prove."""
        proof.run(self.env)

    @api.autovacuum
    def _gc_proofs(self):
        """Of clean proofs older than a week keep each day's last; what found something or was a person's stays."""
        self.env.cr.execute(
            """SELECT id FROM (
                   SELECT id, row_number() OVER (PARTITION BY company_id, day ORDER BY number DESC) AS place
                     FROM pii_proof
                    WHERE at < %s AND found = 0 AND blocks IS NULL AND person IS NULL) AS old
                WHERE place > 1 LIMIT 10000""",
            [fields.Datetime.now() - _KEPT_WHOLE],
        )
        self.sudo().browse(row[0] for row in self.env.cr.fetchall()).unlink()  # sudo: proofs are closed to everybody

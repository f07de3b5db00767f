from datetime import timedelta

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from .. import channel, grants
from ..crypto import CryptoError
from ..purposes import PURPOSES
from .pii_grant import OFFICER, _is_genuine


def _seal(grant, agreed):
    """Seal what was decided; a function, so that nothing evaluated seals terms of its own."""
    try:
        grants.seal(grant, agreed)
    except CryptoError as error:
        raise UserError(str(error)) from error


class PiiGrant(models.Model):
    _inherit = "pii.grant"

    # === REQUEST === #

    @api.model
    def _default_end(self, vals):
        """Return the latest end that the policy allows for the request ``vals``."""
        company = self.env["res.company"].browse(vals.get("company_id") or self.env.company.id)
        start = fields.Datetime.to_datetime(vals["date_start"])
        return start + self._longest(company, vals.get("kind") or "temporary")

    @api.model
    def _longest(self, company, kind):
        return {
            "standing": timedelta(days=company._pii_figure("grant_standing_days")),
            "temporary": timedelta(hours=company._pii_figure("grant_temporary_hours")),
            "break_glass": timedelta(minutes=company._pii_figure("break_glass_minutes")),
        }.get(kind, timedelta())

    @api.model
    def _officers(self, company):
        """Return the privacy officers of a company."""
        # sudo: who the officers are is public inside the company
        officers = self.env.ref(OFFICER).sudo().all_user_ids
        return officers.filtered(lambda user: user.active and company in user.company_ids)

    def _ask_officers(self):
        """Put each request on the list of the officers who may decide it."""
        # sudo: activities are assigned to others; the context of a client could leave them out
        for grant in self.sudo().with_context(mail_activity_automation_skip=False):
            asked = grant.activity_search(["pii_retention.activity_decide"]).user_id
            for officer in self._officers(grant.company_id) - grant.user_id - grant.requested_by_id - asked:
                grant.activity_schedule(
                    "pii_retention.activity_decide",
                    user_id=officer.id,
                    summary=self.env._("Decide about access to personal data"),
                )

    @api.onchange("kind", "company_id", "date_start")
    def _onchange_terms(self):
        if self.kind in ("standing", "temporary") and self.company_id and self.date_start:
            self.date_end = self.date_start + self._longest(self.company_id, self.kind)

    # === DECISION === #

    def _check_decider(self):
        """Refuse unless an officer, in person, decides about somebody else's request."""
        if not channel.in_person(self.env):
            raise AccessError(self.env._("A privacy officer decides in person, signed in to Odoo."))
        if not self.env.user.has_group(OFFICER):
            raise AccessError(self.env._("Only a privacy officer decides about access to personal data."))

    def _lock(self):
        """Lock the row, so that two officers do not decide at once, and read it afresh.

        :raise UserError: somebody else is deciding at this moment
        """
        self.ensure_one()
        self.flush_recordset()
        try:
            self.env.cr.execute(SQL("SELECT state FROM pii_grant WHERE id = %s FOR UPDATE NOWAIT", self.id))
        except psycopg2.errors.LockNotAvailable:
            raise UserError(self.env._("Somebody else is deciding about this grant right now. Reload it.")) from None
        self.invalidate_recordset()

    def _check_open(self):
        """Lock one request and refuse unless this officer may decide about it."""
        self._lock()
        if self.state != "requested":
            raise UserError(
                self.env._(
                    "%(grant)s was decided already, by %(officer)s.",
                    grant=self.display_name,
                    officer=self.sudo().decided_by_id.name or "?",  # sudo: the officer may be of another company
                )
            )
        if self.env.user in self.user_id | self.requested_by_id:
            raise UserError(self.env._("Nobody decides about a request of their own. Ask another privacy officer."))

    def _decided(self, **vals):
        """Write a decision, and return the terms that it is about: as they are before anything is written."""
        agreed = self._terms()
        vals |= {"decided_by_id": self.env.uid, "decided_at": fields.Datetime.now()}
        # sudo: decisions are not written by hand; the callers have checked the decider
        self.sudo().write(vals)
        changed = {"start": "date_start", "end": "date_end"}
        agreed |= {term: fields.Datetime.to_string(vals[name]) for term, name in changed.items() if name in vals}
        return agreed | {"decided_by": self.env.uid}

    def action_approve(self):
        """Approve requests; a role assignment makes the user a member of the role."""
        self._check_decider()
        for grant in self:
            grant._check_open()
            start = max(grant.date_start, fields.Datetime.now())
            end = min(grant.date_end, start + grant._longest(grant.company_id, grant.kind))
            if end <= start:
                raise UserError(self.env._("The requested period is over. Ask for a new request."))
            agreed = grant._decided(state="approved", date_start=start, date_end=end)
            if grant.kind == "standing":
                grant._join_role()
            _seal(grant, agreed)
            grant.activity_unlink(["pii_retention.activity_decide"])

    def action_refuse(self):
        """Refuse requests; whoever was given the role in advance loses it, for it makes him eligible for more."""
        self._check_decider()
        for grant in self:
            grant._check_open()
            grant._decided(state="refused")
            grant._leave_role()
            grant.activity_unlink(["pii_retention.activity_decide"])

    def action_renew(self):
        """Review a role assignment: it lasts another period from today."""
        self._check_decider()
        for grant in self:
            grant._lock()
            if grant.kind != "standing" or grant.state != "approved":
                raise UserError(self.env._("Only an approved role assignment is renewed."))
            if self.env.user in grant.user_id | grant.requested_by_id:
                raise UserError(
                    self.env._("Nobody renews access that they have or asked for. Ask another privacy officer.")
                )
            if not _is_genuine(grant):
                raise UserError(
                    self.env._(
                        "What %s says is not what was approved: somebody wrote it past the approval. Revoke it, look "
                        "into it, and let the role be requested anew.",
                        grant.display_name,
                    )
                )
            agreed = grant._decided(date_end=fields.Datetime.now() + grant._longest(grant.company_id, "standing"))
            grant._join_role()
            _seal(grant, agreed)
            grant.activity_unlink(["pii_retention.activity_renew"])

    def action_revoke(self):
        """Revoke at once, or take a request back: an officer, the user himself, or who asked for it."""
        for grant in self:
            if not self.env.user.has_group(OFFICER) and self.env.user not in grant.user_id | grant.requested_by_id:
                raise AccessError(self.env._("Only a privacy officer or the user himself revokes a grant."))
        self._revoke(self.env._("Revoked by %s.", self.env.user.name))

    def action_review(self):
        """Close the review of a broken glass."""
        self._check_decider()
        for grant in self:
            if grant.kind != "break_glass" or self.env.user == grant.user_id:
                raise UserError(self.env._("Another privacy officer reviews what was opened in an emergency."))
            # sudo: as in _decided
            grant.sudo().write({"reviewed_by_id": self.env.uid, "reviewed_at": fields.Datetime.now()})
            grant.activity_unlink(["pii_retention.activity_review"])

    def _revoke(self, reason):
        """End grants now, whoever or whatever asks for it: less access needs no permission."""
        # sudo: a user's deactivation or an alert revokes as well
        live = self.sudo().filtered(lambda grant: grant.state in ("requested", "approved"))
        rows = grants.of_records(live.filtered(lambda grant: grant.state == "approved"))
        live.write(
            {
                "state": "revoked",
                "revoked_by_id": self.env.uid,
                "revoked_at": fields.Datetime.now(),
                "revoked_reason": reason,
                "terms_seal": False,
            }
        )
        live.activity_unlink(["pii_retention.activity_decide", "pii_retention.activity_renew"])
        live._leave_role()
        if rows:
            # once it is certain: what is noted beside the keys cannot be taken back
            env = self.env
            env.cr.postcommit.add(lambda: grants.note_revoked(env, rows))

    # === ROLES === #

    def _join_role(self):
        for grant in self.sudo():  # sudo: approving a role assignment is what gives the role
            group = self.env.ref(PURPOSES[grant.purpose].groups[0]).sudo()
            if group not in grant.user_id.all_group_ids:
                grant.user_id.write({"group_ids": [(4, group.id)]})

    def _leave_role(self):
        """Take the role from users whose last assignment to it has ended."""
        for grant in self.sudo().filtered(lambda grant: grant.kind == "standing"):  # sudo: as in _join_role
            group = self.env.ref(PURPOSES[grant.purpose].groups[0]).sudo()
            if group not in grant.user_id.group_ids:
                continue
            others = self.sudo().search(
                [
                    ("user_id", "=", grant.user_id.id),
                    ("purpose", "=", grant.purpose),
                    ("kind", "=", "standing"),
                    ("state", "in", ("requested", "approved")),
                    ("date_end", ">", fields.Datetime.now()),
                ],
                limit=1,
            )
            if not others:
                # whoever is an employee by this role alone stays one
                employee = self.env.ref("base.group_user")
                kept = [(4, employee.id)] if grant.user_id._is_internal() else []
                grant.user_id.write({"group_ids": [*kept, (3, group.id)]})

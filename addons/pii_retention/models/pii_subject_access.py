from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from .. import channel, grants, reasons
from ..crypto import CryptoError
from ..purposes import PURPOSES, ROLE_GROUPS


class PiiSubject(models.Model):
    """Whose data a user may see now, and how he asks for more."""

    _inherit = "pii.subject"

    # for record rules: the answer changes with time and with each revocation, so nothing of it is stored or cached
    is_granted = fields.Boolean(compute="_compute_is_granted", search="_search_is_granted")

    @api.depends_context("uid")
    def _compute_is_granted(self):
        covered = self.env["pii.grant"]._live(self.env.uid)._covered(self)
        for subject in self:
            subject.is_granted = subject in covered

    def _search_is_granted(self, operator, value):
        if operator != "in":
            return NotImplemented
        live = self.env["pii.grant"]._live(self.env.uid)
        granted = live._subject_domain()
        return granted if True in value else ~granted

    def _pii_subjects(self):
        return self

    def action_access_log(self):
        """Open the access log of these subjects."""
        action = self.env["ir.actions.act_window"]._for_xml_id("pii_retention.pii_access_log_action")
        return {**action, "domain": [("subject_uuid", "in", self.mapped("uuid"))], "context": {}}

    def pii_purposes(self):
        """Return what the user may do with these subjects: the choices of the reveal dialog.

        :return: ``[{code, label, granted, requestable, glass, needs_reason, until}]``; ``until`` is the end of the
            grant in UTC (ISO), None without one
        """
        user = self.env.user
        has_role = any(user.has_group(group) for group in ROLE_GROUPS)
        by_purpose = self.env["pii.grant"]._live(user.id).grouped("purpose")
        result = []
        for purpose in PURPOSES.values():
            if "pii_retention.group_service" in purpose.groups or not purpose.by_grant:
                continue
            live = by_purpose.get(purpose.code, self.env["pii.grant"])
            covering = live.filtered(lambda grant: grant._covered(self) == self)
            eligible = any(user.has_group(group) for group in purpose.groups)
            if not covering and not eligible and not has_role:
                continue
            until = max(covering.mapped("date_end"), default=None)
            result.append(
                {
                    "code": purpose.code,
                    "label": self.env._(purpose.label),
                    "granted": bool(covering),
                    "requestable": not covering,
                    "glass": has_role and not covering,
                    "needs_reason": purpose.needs_reason,
                    "until": until and until.isoformat(),
                }
            )
        return result

    def request_access(self, purpose, reason, hours=None):
        """Ask the privacy officers for access to these subjects; they find it among their activities.

        :param hours: how long, at most what the policy allows
        :return: ``{"grant_id": id, "state": "requested"}``
        """
        company = self._check_request(purpose, reason)
        most = company._pii_figure("grant_temporary_hours")
        try:
            hours = min(max(int(hours or most), 1), most)
        except (TypeError, ValueError, OverflowError):
            raise UserError(self.env._("State for how many hours you need access.")) from None
        if not self.env["pii.grant"]._officers(company) - self.env.user:
            raise UserError(
                self.env._("There is no privacy officer who could decide. Ask an administrator to appoint one first.")
            )
        now = fields.Datetime.now()
        # sudo: a request is made by whoever needs access; it opens nothing by itself
        grant = (
            self.env["pii.grant"]
            .sudo()
            .create(
                {
                    "user_id": self.env.uid,
                    "requested_by_id": self.env.uid,
                    "purpose": purpose,
                    "kind": "temporary",
                    "company_id": company.id,
                    "subject_ids": [(6, 0, self.ids)],
                    "reason": reason.strip(),
                    "date_start": now,
                    "date_end": now + timedelta(hours=hours),
                }
            )
        )
        return {"grant_id": grant.id, "state": grant.state}

    def break_glass(self, purpose, reason):
        """Open these subjects in an emergency that no grant covers; the privacy officers are told at once.

        :return: ``{"grant_id": id, "state": "approved"}``
        :raise AccessError: not in person, or without any role that handles personal data
        :raise UserError: nobody could be told, or the request is malformed
        """
        company = self._check_request(purpose, reason)
        figures = self.env["pii.policy"]._figures(company.id)
        if not channel.in_person(self.env):
            raise AccessError(self.env._("Break-glass is for a person who is signed in to Odoo, in person."))
        user = self.env.user
        if not any(user.has_group(group) for group in ROLE_GROUPS):
            raise AccessError(self.env._("Break-glass is for users with a role that handles personal data."))
        if len(self) > figures["break_glass_subjects"]:
            raise UserError(
                self.env._("Break-glass opens at most %s customers at once.", figures["break_glass_subjects"])
            )
        officers = self.env["pii.grant"]._officers(company) - user
        if not officers:
            raise UserError(
                self.env._("There is no privacy officer who could be told. Ask an administrator to appoint one first.")
            )
        now = fields.Datetime.now()
        review = now + timedelta(hours=figures["review_hours"])
        # sudo: the emergency gives the grant; who may cause it was checked above
        grant = (
            self.env["pii.grant"]
            .sudo()
            .create(
                {
                    "user_id": user.id,
                    "requested_by_id": user.id,
                    "purpose": purpose,
                    "kind": "break_glass",
                    "company_id": company.id,
                    "subject_ids": [(6, 0, self.ids)],
                    "reason": reason.strip(),
                    "date_start": now,
                    "date_end": now + timedelta(minutes=figures["break_glass_minutes"]),
                    "state": "approved",
                    "review_deadline": review,
                }
            )
        )
        # what was asked for, whatever other code has made of the row while it was stored
        agreed = grant._terms() | {
            "user": user.id,
            "purpose": purpose,
            "kind": "break_glass",
            "company": company.id,
            "subjects": sorted(self.sudo().mapped("uuid")),
            "end": fields.Datetime.to_string(now + timedelta(minutes=figures["break_glass_minutes"])),
        }
        try:
            grants.seal(grant, agreed)
        except CryptoError as error:
            raise UserError(str(error)) from error
        references = ", ".join(self.sudo().mapped("reference"))  # sudo: references name nobody
        grant.message_post(
            body=self.env._(
                "%(user)s broke the glass for %(references)s (%(purpose)s): %(reason)s",
                user=user.name,
                references=references,
                purpose=PURPOSES[purpose].label,
                reason=reason.strip(),
            ),
            partner_ids=officers.partner_id.ids,
            subtype_xmlid="mail.mt_comment",
        )
        # the context of a client could leave the activities out
        told = grant.with_context(mail_activity_automation_skip=False)
        for officer in officers:
            told.activity_schedule("pii_retention.activity_review", date_deadline=review.date(), user_id=officer.id)
        return {"grant_id": grant.id, "state": grant.state}

    def _check_request(self, purpose, reason):
        """Return the one company of these subjects; refuse malformed requests."""
        known = PURPOSES.get(purpose)
        if known is None or "pii_retention.group_service" in known.groups or not known.by_grant:
            raise UserError(self.env._("There is no such purpose for which personal data may be seen."))
        if not self.env.user._is_internal():
            raise AccessError(self.env._("Only employees see customers' personal data."))
        company = self.sudo().company_id  # sudo: which company a subject belongs to is no personal data
        if len(company) != 1 or company not in self.env.user.company_ids:
            raise AccessError(self.env._("Ask for customers of one of your own companies at a time."))
        if fault := reasons.fault(self.env, reason, company._pii_figure("reason_words")):
            raise UserError(fault)
        return company

from odoo import api, fields, models

from .. import channel
from ..purposes import PURPOSES

OFFICER = "pii_retention.group_privacy_officer"
#: What signing in as a user depends on; the second factor's secret is the column of ``auth_totp``.
CREDENTIALS = {"login", "password", "totp_secret"}


class ResUsers(models.Model):
    _inherit = "res.users"

    pii_grant_ids = fields.One2many("pii.grant", "user_id", string="Grants", groups=OFFICER)

    @api.model_create_multi
    def create(self, vals_list):
        users = super().create(vals_list)
        users._pii_roles_changed({user.id: frozenset() for user in users})
        return users

    def write(self, vals):
        touched = {"group_ids", "active", "company_ids"} & set(vals)
        before = self._pii_roles() if touched else {}
        companies = {user.id: user.company_ids for user in self} if "company_ids" in vals else None
        result = super().write(vals)
        if CREDENTIALS & set(vals):
            self._pii_credentials_changed()
        if touched:
            if "active" in vals and not vals["active"]:
                # sudo: whoever deactivates a user ends his access with it
                self.env["pii.grant"].sudo().search(
                    [("user_id", "in", self.ids), ("state", "in", ("requested", "approved"))]
                )._revoke(self.env._("The user was deactivated."))
                self._pii_left()
            self._pii_roles_changed(before, companies)
        return result

    def _pii_credentials_changed(self):
        """Ask for new grants when somebody else changed how a user signs in: he could sign in as that user now.

        What a user changes himself, and a reset by a link in his own mailbox, concerns nobody.
        """
        person = channel.caller().uid
        Grant = self.env["pii.grant"].sudo()  # sudo: whoever may change credentials ends the access with it
        for user in self.filtered(lambda user: person and user.id != person):
            live = Grant._live(user.id).filtered(lambda grant: grant.kind != "service")
            if not live:
                continue
            reason = self.env._("%s changed how this user signs in.", self.env["res.users"].browse(person).sudo().name)
            # the requests first: with one open the role stays
            Grant.create(
                [
                    {
                        "user_id": user.id,
                        "requested_by_id": person,
                        "purpose": grant.purpose,
                        "kind": "standing",
                        "company_id": grant.company_id.id,
                        "origin": grant.origin,
                        "reason": reason,
                        **{name: grant[name].id for name in Grant._scope_fields()},
                    }
                    for grant in live.filtered(lambda grant: grant.kind == "standing")
                ]
            )
            live._revoke(reason)

    def _pii_sign_in_refusal(self):
        """Return why the gate opens nothing for how this user signs in, as a sentence; addons have rules for it."""
        return None

    @api.model
    def _pii_role_purposes(self):
        """Return ``{group: purpose code}`` of the roles that standing grants belong to."""
        # while the addon is being installed its groups do not exist yet
        found = {
            self.env.ref(purpose.groups[0], raise_if_not_found=False): purpose.code
            for purpose in PURPOSES.values()
            if purpose.standing and "pii_retention.group_service" not in purpose.groups
        }
        return {group: code for group, code in found.items() if group}

    def _pii_roles(self):
        """Return ``{user id: groups}``: the vault's roles that each user has."""
        roles = self._pii_role_groups()
        # sudo: compared, not shown
        return {user.id: frozenset((user.sudo().all_group_ids & roles)._ids) for user in self}

    @api.model
    def _pii_role_groups(self):
        """Return the groups of which a change is noticed: the roles of daily work, and the officer's."""
        roles = self.env["res.groups"].concat(*self._pii_role_purposes())
        return roles + (self.env.ref(OFFICER, raise_if_not_found=False) or roles.browse())

    def _pii_request_role(self, purpose, companies):
        """Ask the privacy officers of each company for the role assignment that the user has not there yet."""
        self.ensure_one()
        Grant = self.env["pii.grant"].sudo()  # sudo: as in _pii_roles_changed
        open_grants = Grant.search(
            [
                ("user_id", "=", self.id),
                ("purpose", "=", purpose),
                ("kind", "=", "standing"),
                ("state", "in", ("requested", "approved")),
                ("date_end", ">", fields.Datetime.now()),
            ]
        )
        Grant.create(
            [
                {
                    "user_id": self.id,
                    "requested_by_id": self.env.uid,
                    "purpose": purpose,
                    "kind": "standing",
                    "company_id": company.id,
                    "reason": self.env._("Role given by %s.", self.env.user.name),
                }
                for company in companies - open_grants.company_id
            ]
        )

    def _pii_roles_changed(self, before, joined=None):
        """A role that an administrator gives asks the privacy officers for a grant; one that he takes ends it.

        :param before: ``{user id: groups}`` as :meth:`_pii_roles` said before
        :param joined: ``{user id: companies}`` that each worked for before, if that may have changed
        """
        after = self._pii_roles()
        purposes = {group.id: code for group, code in self._pii_role_purposes().items()}
        officer_group = self.env.ref(OFFICER, raise_if_not_found=False)
        Grant = self.env["pii.grant"].sudo()  # sudo: an administrator may not decide, but his doing is a request
        for user in self:
            gained, lost = after[user.id] - before[user.id], before[user.id] - after[user.id]
            if officer_group and officer_group.id in gained:
                user._pii_announce_officer()
            for group_id in gained & purposes.keys():
                user._pii_request_role(purposes[group_id], user.company_ids)
            for group_id in after[user.id] & before[user.id] & purposes.keys():
                user._pii_request_role(
                    purposes[group_id], user.company_ids - (joined or {}).get(user.id, user.company_ids)
                )
            ended = [purposes[group_id] for group_id in lost & purposes.keys()]
            Grant.search(
                [
                    ("user_id", "=", user.id),
                    ("purpose", "in", ended),
                    ("kind", "=", "standing"),
                    ("state", "in", ("requested", "approved")),
                    # what has lapsed has lost the role by that, and may still be renewed
                    ("date_end", ">", fields.Datetime.now()),
                ]
            )._revoke(self.env._("The role was taken away by %s.", self.env.user.name))

    def _pii_announce_officer(self):
        """Tell the other privacy officers that there is a new one: who appoints officers decides about everything."""
        for user in self:
            # sudo: what was requested while nobody could decide waits for this officer
            waiting = self.env["pii.grant"].sudo()
            waiting.search([("state", "=", "requested"), ("company_id", "in", user.company_ids.ids)])._ask_officers()
            others = self.env["pii.grant"]._officers(user.company_id) - user
            for officer in others:
                # sudo: a message to colleagues
                officer.sudo().partner_id.message_notify(
                    partner_ids=officer.sudo().partner_id.ids,
                    subject=self.env._("A new privacy officer"),
                    body=self.env._(
                        "%(admin)s made %(user)s a privacy officer, who approves access to personal data.",
                        admin=self.env.user.name,
                        user=user.name,
                    ),
                )

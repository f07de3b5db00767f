from odoo import api, models


class ResUsers(models.Model):
    _inherit = "res.users"

    @api.model
    def _pii_key_models(self):
        """Return the models of what lets somebody in without a password: API keys, trusted devices."""
        return [model for model in ("res.users.apikeys", "auth_totp.device") if model in self.env]

    def _pii_end_access(self):
        """Revoke grants, API keys and trusted devices now: less access needs no permission."""
        for user in self:
            # sudo: whoever reports a leaver or closes his account ends the access with it
            self.env["pii.grant"].sudo().search(
                [("user_id", "=", user.id), ("state", "in", ("requested", "approved")), ("kind", "!=", "service")]
            )._revoke(self.env._("The user has left."))
            for model in self._pii_key_models():
                # sudo: likewise
                self.env[model].sudo().search([("user_id", "=", user.id)]).unlink()

    def _pii_leftovers(self):
        """Return what a leaver still has, in words; sessions end with the account itself."""
        self.ensure_one()
        user, left = self.sudo(), []  # sudo: counted, not shown
        if user.active:
            left.append(self.env._("the account is open: an administrator archives the user"))
        grants = self.env["pii.grant"].sudo().search_count(
            [("user_id", "=", user.id), ("state", "in", ("requested", "approved")), ("kind", "!=", "service")]
        )  # fmt: skip
        if grants:
            left.append(self.env._("%s grants", grants))
        for model in self._pii_key_models():
            if count := self.env[model].sudo().search_count([("user_id", "=", user.id)]):
                left.append(self.env._("%(count)s of %(what)s", count=count, what=self.env[model]._description))
        return left

    def _pii_left(self):
        """Begin the duty about users whose account was closed; with nothing left it is done at once.

        Only about employees who had a role or still have something: others had no access to end.
        """
        roles = self._pii_role_groups()
        duties = self.env["pii.duty"].sudo()  # sudo: the register is the product's
        for user in self.sudo().with_context(active_test=False):
            had = (
                self.env["pii.grant"]
                .sudo()
                .search_count([("user_id", "=", user.id), ("kind", "!=", "service")], limit=1)
            )
            if not had and not (user.all_group_ids & roles):
                continue
            running = duties.search([("leaver_id", "=", user.id), ("done_at", "=", False)])
            if running:
                running._close_access()
            else:
                duties.create({"code": "leaver", "leaver_id": user.id, "company_id": user.company_id.id})

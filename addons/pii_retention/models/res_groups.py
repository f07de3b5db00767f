from odoo import api, models


class ResGroups(models.Model):
    _inherit = "res.groups"

    # Roles are given from the form of a group too, or by what a group implies: ``res.users`` hears nothing of that.

    @api.model_create_multi
    def create(self, vals_list):
        before = self._pii_members()
        groups = super().create(vals_list)
        self._pii_members_changed(before)
        return groups

    def write(self, vals):
        if vals.keys().isdisjoint({"user_ids", "implied_ids", "implied_by_ids"}):
            return super().write(vals)
        before = self._pii_members()
        result = super().write(vals)
        self._pii_members_changed(before)
        return result

    @api.model
    def _pii_members(self):
        """Return ``{group id: user ids}`` of the vault's roles, whoever gives them."""
        # sudo: compared, not shown
        return {group.id: set(group.all_user_ids._ids) for group in self.env["res.users"]._pii_role_groups().sudo()}

    @api.model
    def _pii_members_changed(self, before):
        """Do for users who got or lost a role by a group what is done when it is given to them."""
        after = self._pii_members()
        touched = set().union(*(before.get(group_id, set()) ^ after[group_id] for group_id in after))
        roles_before = {
            user_id: frozenset(group_id for group_id in after if user_id in before.get(group_id, ()))
            for user_id in touched
        }
        self.env["res.users"].browse(sorted(touched))._pii_roles_changed(roles_before)

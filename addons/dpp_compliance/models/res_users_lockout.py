from contextlib import contextmanager

from odoo import api, models
from odoo.exceptions import AccessDenied

from .. import lockouts


class ResUsers(models.Model):
    """Whoever fails too often is kept out for a while, wherever the attempts come from."""

    _inherit = "res.users"

    @contextmanager
    def _assert_can_auth(self, user=None):
        login = self._dpp_login_of(user)
        with super()._assert_can_auth(user=user):
            if not login:
                yield
                return
            self._dpp_refuse_locked(login)
            token = lockouts.counted.set(True)
            try:
                yield
            except AccessDenied:
                lockouts.failed(self.env.registry, login)
                raise
            finally:
                lockouts.counted.reset(token)
            # with a second factor, the password alone is no success: guesses of the code would begin anew with it
            if not isinstance(user, str) or not self._dpp_has_second_factor(login):
                lockouts.succeeded(self.env.registry, login)

    def _check_credentials(self, credential, env):
        if credential.get("type") != "password":
            return super()._check_credentials(credential, env)
        login = self.env.user.sudo().login  # sudo: counted, not shown
        if lockouts.counted.get():
            found = super()._check_credentials(credential, env)
        else:
            # asked for again in a session that is open: to change the password, to confirm who one is
            self._dpp_refuse_locked(login)
            try:
                found = super()._check_credentials(credential, env)
            except AccessDenied:
                lockouts.failed(self.env.registry, login)
                raise
        if found.get("auth_method") == "password":
            self.env.user._dpp_notice_weak(credential["password"])
        return found

    @api.model
    def _check_uid_passwd(self, uid, passwd):
        super()._check_uid_passwd(uid, passwd)
        # the answer may come from memory; and a program never sees the page on which a person chooses another password
        user = self.with_user(uid).env.user
        reason = user._dpp_change_reason() or user._dpp_weak_reason(passwd)
        if reason and self.env["res.users.apikeys"]._check_credentials(scope="rpc", key=passwd) != uid:
            raise AccessDenied(reason)

    def _dpp_login_of(self, user):
        """Return the login of whoever tries: ``user`` is a login, or the id of somebody whose login was right."""
        if isinstance(user, str) or not user:
            return user
        return self.sudo().browse(int(user)).exists().login

    def _dpp_has_second_factor(self, login):
        user = self.sudo().search(self._get_login_domain(login), order=self._get_login_order(), limit=1)
        return bool(user) and bool(user._mfa_type())

    def _dpp_refuse_locked(self, login):
        if lockouts.locked_until(self.env.registry, login):
            # the figure of all accounts: how long this one has still to wait would tell that somebody is at it
            raise AccessDenied(
                self.env._(
                    "Too many failed attempts. The account opens again %s minutes after the last of them; a privacy "
                    "officer can unlock it before.",
                    self._dpp_lock_figures()[1],
                )
            )

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

from odoo.addons.pii_retention import channel

from .. import rules


class ResUsers(models.Model):
    """Length, kinds of characters, no part of the name, age and history of passwords."""

    _inherit = "res.users"

    dpp_password_set_at = fields.Datetime(string="Password Set on", readonly=True, copy=False)
    dpp_must_change = fields.Boolean(
        string="Must Change the Password",
        readonly=True,
        copy=False,
        help="Somebody else has set it, or it does not meet the rules: it is changed at the next sign-in.",
    )
    dpp_password_ends_at = fields.Datetime(string="Password Ends on", compute="_compute_dpp_password_ends_at")

    @api.depends("dpp_password_set_at", "create_date")
    def _compute_dpp_password_ends_at(self):
        for user in self:
            set_at = user.dpp_password_set_at or user.create_date
            bound = user._dpp_is_bound() if user.id else False
            user.dpp_password_ends_at = (
                set_at + timedelta(days=user._dpp_figure("password_max_age_days")) if bound and set_at else False
            )

    @api.model
    def get_password_policy(self):
        policy = super().get_password_policy()
        return {**policy, "minlength": max(policy["minlength"], self.env.user._dpp_figure("password_length"))}

    # === SETTING === #

    def _set_password(self):
        for user in self:
            if user.password and user._dpp_is_bound():
                user._dpp_check_new(user.password)
        super()._set_password()
        self._dpp_remember()

    def _dpp_check_new(self, password):
        """Refuse a password that breaks a rule.

        :raise UserError: says all that is wrong, and nothing of the password
        """
        self.ensure_one()
        texts = [self._dpp_fault_text(code) for code in self._dpp_faults(password)]
        if texts:
            raise UserError("\n".join([self.env._("Choose another password:"), *texts]))
        self._dpp_check_age()
        count = self._dpp_figure("password_history")
        if self._dpp_was_used(password, count):
            raise UserError(self.env._("Choose a password that is none of your last %s.", count))

    def _dpp_faults(self, password):
        user = self.sudo()  # sudo: compared, not shown
        return rules.faults(password, self._dpp_figure("password_length"), rules.name_parts(user.login, user.name))

    def _dpp_fault_text(self, code):
        return {
            "length": self.env._("It has at least %s characters.", self._dpp_figure("password_length")),
            "upper": self.env._("It has a capital letter."),
            "lower": self.env._("It has a small letter."),
            "digit": self.env._("It has a digit."),
            "special": self.env._("It has a character that is neither letter nor digit."),
            "name": self.env._("It holds no part of the login or the name."),
        }[code]

    def _dpp_check_age(self):
        """Refuse a second change on the same day: it would empty the history. What must be changed may be."""
        user = self.sudo()  # sudo: compared, not shown
        if not user.dpp_password_set_at or self._dpp_change_reason() or self._dpp_set_by_another():
            return
        days = self._dpp_figure("password_min_age_days")
        free_at = user.dpp_password_set_at + timedelta(days=days)
        if fields.Datetime.now() < free_at:
            raise UserError(
                self.env._(
                    "This password is younger than %s days. Keep it for now; if somebody else may know it, ask an "
                    "administrator to set a new one.",
                    days,
                )
            )

    def _dpp_set_by_another(self):
        """Tell whether somebody else sits at the browser (an administrator's reset), or nobody (a link in a mail)."""
        return channel.caller().uid != self.id

    def _dpp_was_used(self, password, count):
        context = self._crypt_context()
        self.env.cr.execute(
            "SELECT hashed FROM dpp_password WHERE user_id = %s ORDER BY id DESC LIMIT %s", [self.id, count]
        )
        former = [row[0] for row in self.env.cr.fetchall()]
        self.env.cr.execute("SELECT password FROM res_users WHERE id = %s", [self.id])
        current = self.env.cr.fetchone()[0]
        if current and current not in former:
            former = [current, *former][:count]
        return any(context.identify(hashed) and context.verify(password, hashed) for hashed in former)

    def _dpp_remember(self):
        """Keep the hashes of what was just set, and how old it is; whoever got it from another changes it."""
        now = fields.Datetime.now()
        for user in self.sudo():  # sudo: neither is written by hand
            self.env.cr.execute("SELECT password FROM res_users WHERE id = %s", [user.id])
            hashed = self.env.cr.fetchone()[0]
            if not hashed:
                continue
            self.env["dpp.password"].sudo().create({"user_id": user.id, "set_at": now, "hashed": hashed})
            person = channel.caller().uid
            user.write({"dpp_password_set_at": now, "dpp_must_change": bool(person) and person != user.id})
            keep = max(user._dpp_figure("password_history"), 1)
            self.env["dpp.password"].sudo().search([("user_id", "=", user.id)], offset=keep).unlink()

    # === AGE === #

    def _dpp_change_reason(self):
        """Return why the password has to be changed before anything else, False if it has not."""
        self.ensure_one()
        user = self.sudo()  # sudo: asked about whoever signs in
        if not user._dpp_is_bound():
            return False
        if user.dpp_must_change:
            return self._dpp_choose_text()
        if user.dpp_password_ends_at and fields.Datetime.now() >= user.dpp_password_ends_at:
            return self.env._(
                "Your password is older than %s days. Choose a new one.", user._dpp_figure("password_max_age_days")
            )
        return False

    def _dpp_choose_text(self):
        return self.env._("Somebody else has set your password, or it does not meet the rules. Choose your own.")

    def _dpp_weak_reason(self, password):
        """Return why this password, which is right, has to be changed, False if it keeps the rules."""
        return self._dpp_is_bound() and self._dpp_faults(password) and self._dpp_choose_text()

    def _pii_sign_in_refusal(self):
        """Personal data opens for nobody whose password has to be changed."""
        return super()._pii_sign_in_refusal() or self._dpp_change_reason()

    def _dpp_notice_weak(self, password):
        """Note at sign-in, the only moment at which it can be seen, that a password breaks the rules."""
        user = self.sudo()  # sudo: not written by hand
        if not user.dpp_must_change and self._dpp_weak_reason(password):
            user.dpp_must_change = True

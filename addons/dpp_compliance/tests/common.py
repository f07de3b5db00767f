from unittest.mock import patch

from odoo.tests import new_test_user

from odoo.addons.pii_retention import channel
from odoo.addons.pii_retention.tests.common import real_caller

#: Twelve characters of four kinds; ``{}`` makes another one of it.
GOOD = "Qw7!zKp{}Lm#"


def good(number=0):
    return GOOD.format(f"{number:02}")


class SignInMixin:
    """Users whose passwords the rules bind."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.person = None
        cls.startClassPatcher(patch.object(channel, "caller", cls._caller))
        cls.clerk = cls.employee("dpp_clerk", "pii_retention.group_fulfilment")
        cls.plain = cls.employee("dpp_plain", "base.group_user", "dpp_plain")
        cls.officer = cls.employee("dpp_officer", "pii_retention.group_privacy_officer")

    @classmethod
    def employee(cls, login, groups, password=None):
        return new_test_user(cls.env, login, groups=groups, password=password or good(99), name=f"Berta {login}")

    @classmethod
    def _caller(cls):
        from odoo.http import request

        if request or cls.person is None:
            return real_caller()
        return channel.Caller(channel.WEB, cls.person.id, "0123456789abcdef", "192.0.2.7")

    def choose(self, user, password, by=None):
        """Let a user, or somebody else, set a password."""
        type(self).person = by or user
        try:
            user.with_user(by or user).sudo()._change_password(password)
            self.env.flush_all()
        finally:
            type(self).person = None

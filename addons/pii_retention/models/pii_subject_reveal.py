import threading
from contextlib import contextmanager

from odoo import api, models
from odoo.exceptions import AccessError, UserError
from odoo.http import request

from .. import keys
from .. import reveal as reveal_engine
from ..crypto import CryptoError
from ..purposes import PURPOSES, Purpose
from .pii_subject import SEPARATOR


class PiiSubject(models.Model):
    _inherit = "pii.subject"

    @api.private
    @contextmanager
    def reveal(self, purpose, reason=None):
        """Open the subjects' data for ``purpose`` and yield an environment that sees it.

        Inside, PostgreSQL refuses every write; what leaves the block is what the caller rendered (bytes). A
        nested reveal of subjects that are open for as much already is the outer one.

        :param str purpose: a code of ``purposes.PURPOSES``
        :param str reason: what the person stated, for the log
        :raise AccessError: the real user has no right to this purpose (logged as refused)
        :raise UserError: a key is missing or wrong (logged as failed); the message names it
        """
        subjects = self.browse(set(self.ids))
        if not subjects:
            yield self.env
            return
        purpose = self._check_purpose(purpose, reason)
        transaction = reveal_engine.current(self.env)
        if transaction is not None and all(
            transaction.opened.get(subject_id, frozenset()).issuperset(purpose.classes) for subject_id in subjects._ids
        ):
            yield self.env
            return
        values = subjects._open_for(purpose, reason)
        opened = {subject_id: frozenset(purpose.classes) for subject_id in subjects._ids}
        with reveal_engine.open_reveal(subjects, opened, values) as env:
            yield env

    def _check_purpose(self, code, reason) -> Purpose:
        """Return the purpose when the person behind this environment may act for it; log a refusal otherwise."""
        purpose = PURPOSES.get(code)
        log = self.env["pii.access.log"]
        if purpose is None:
            log._append(self, None, "refused", reason=reason)
            raise AccessError(self.env._("“%s” is no purpose for which personal data may be seen.", code))
        user = self.env["res.users"].browse(self.env.uid)
        # neither sudo nor with_user nor a context makes somebody else of the person at the keyboard
        # (a call with an API key has no session: the thread knows whom it was authenticated as)
        person = request and (request.session.uid or getattr(threading.current_thread(), "uid", None))
        impersonated = bool(person and person != self.env.uid)
        allowed = not impersonated and any(user._has_group(group) for group in purpose.groups)
        if allowed:
            allowed = all(company in user.company_ids.ids for company in self.sudo().company_id.ids)
        if not allowed:
            log._append(self, purpose.code, "refused", classes=purpose.classes, reason=reason)
            raise AccessError(
                self.env._(
                    "You are not allowed to see this customer's personal data for the purpose “%(purpose)s”. "
                    "An administrator can give you the role that includes it.",
                    purpose=purpose.label,
                )
            )
        return purpose

    def _open_for(self, purpose: Purpose, reason) -> dict[int, dict[str, str]]:
        """Write the log, then open what ``purpose`` needs: ``{subject id: {key: text}}``."""
        log = self.env["pii.access.log"]
        # sudo: the tokens are closed to everybody; this method is behind the check of the real user
        subjects = self.sudo()
        sealed = subjects.filtered(lambda subject: any(subject[f"{cls}_token"] for cls in purpose.classes))
        if empty := subjects - sealed:
            log._append(empty, purpose.code, "empty", classes=purpose.classes, reason=reason)
        if not sealed:
            return {}
        log._append(sealed, purpose.code, "opened", classes=purpose.classes, reason=reason)
        keyring = keys.keyring(self.env)
        values = {}
        try:
            for subject in sealed:
                domain = subject.company_id._pii_domain()
                content = values[subject.id] = {}
                # the first class of the purpose wins, so it is laid on last
                for cls in reversed(purpose.classes):
                    for token in filter(None, (subject[f"{cls}_token"] or "").split(SEPARATOR)):
                        content.update(keyring.open_record(domain, subject.uuid, cls, token))
        except CryptoError as error:
            log._append(subject, purpose.code, "failed", classes=purpose.classes, reason=reason)
            raise UserError(
                self.env._("%(reference)s cannot be opened: %(error)s", reference=subject.reference, error=error)
            ) from None
        return values

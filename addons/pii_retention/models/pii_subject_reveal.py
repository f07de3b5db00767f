from contextlib import contextmanager

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .. import gate, keys
from .. import reveal as reveal_engine
from ..crypto import CryptoError
from ..indexing import SEPARATOR
from ..purposes import PURPOSES


def _open(subjects, purpose, reason):
    """Open what ``purpose`` needs: ``{subject id: {key: text}}``. Behind the gate, and no method on purpose."""
    env = subjects.env
    columns = SQL(", ").join(SQL.identifier("s", f"{cls}_token") for cls in purpose.classes)
    env.cr.execute(
        SQL(
            """SELECT s.id, s.uuid, s.reference, c.pii_domain, %s
                 FROM pii_subject s JOIN res_company c ON c.id = s.company_id WHERE s.id = ANY(%s)""",
            columns,
            list(subjects.ids),
        )
    )
    keyring = None
    values = {}
    for subject_id, uuid, reference, domain, *sealed in env.cr.fetchall():
        tokens = {cls: (column or "").split(SEPARATOR) for cls, column in zip(purpose.classes, sealed, strict=True)}
        if not any(sealed):
            continue
        try:
            keyring = keyring or keys.keyring(env)
            content: dict[str, str] = {}
            # the first class of the purpose wins, so it is laid on last
            for cls in reversed(purpose.classes):
                for token in filter(None, tokens[cls]):
                    content.update(keyring.open_record(domain, uuid, cls, token))
            # a correction may have emptied something
            values[subject_id] = {key: text for key, text in content.items() if text}
        except CryptoError as error:
            log = env["pii.access.log"]
            log._append(subjects.browse(subject_id), purpose.code, "failed", classes=purpose.classes, reason=reason)
            raise UserError(
                env._("%(reference)s cannot be opened: %(error)s", reference=reference, error=error)
            ) from None
    return values


class PiiSubject(models.Model):
    _inherit = "pii.subject"

    @api.private
    @contextmanager
    def reveal(self, purpose, reason=None, document=None):
        """Open the subjects' data for ``purpose`` and yield an environment that sees it.

        Inside, PostgreSQL refuses every write; what leaves the block is what the caller rendered (bytes). A
        nested reveal of subjects that are open for as much already is the outer one.

        :param str purpose: a code of ``purposes.PURPOSES``
        :param str reason: what the person stated, for the log
        :param str document: what is shown or printed, for the log; no name of a customer
        :raise AccessError: the gate refuses (logged as refused, with the cause); the message says what to do
        :raise UserError: a key is missing or wrong (logged as failed); the message names it
        """
        subjects = self.browse(set(self.ids))
        if not subjects:
            yield self.env
            return
        transaction = reveal_engine.current(self.env)
        known = PURPOSES.get(purpose)
        if (
            known
            and transaction is not None
            and transaction.is_open
            and all(
                transaction.opened.get(subject_id, frozenset()).issuperset(known.classes)
                for subject_id in subjects._ids
            )
        ):
            yield self.env
            return
        allowed = gate.authorise(subjects, purpose, reason, document)
        values = _open(subjects, allowed, reason)
        opened = {subject_id: frozenset(allowed.classes) for subject_id in subjects._ids}
        with reveal_engine.open_reveal(subjects, opened, values) as env:
            yield env

from odoo import api, models
from odoo.exceptions import AccessError

from .. import channel, evaluated, keys
from ..access_log import writer

#: Nothing that a caller may state is longer than this; a reason of a megabyte would be paid for by each check.
MAX_TEXT = 500


def _text(value):
    """Return ``value`` as PostgreSQL stores it (no NUL, no lone surrogate), cut to :data:`MAX_TEXT`; None if empty."""
    if not value:
        return None
    text = str(value).replace("\x00", "")[:MAX_TEXT].encode("utf-8", "replace").decode("utf-8")
    return text or None


class PiiAccessLog(models.Model):
    _inherit = "pii.access.log"

    @api.model
    def _append(
        self,
        subjects,
        purpose,
        outcome,
        *,
        classes=(),
        reason=None,
        cause=None,
        grant_ref=None,
        document=None,
        caller=None,
        cr=None,
    ):
        """Write one row per subject and commit them, on a connection of their own.

        They survive a rollback of the caller's transaction. Any error here reaches the caller, who must then
        reveal nothing. Without a key store there is no row.

        :param subjects: ``pii.subject`` recordset; if empty, one row without a subject is written
        :param purpose: code of a purpose, or None when an unknown one was asked for
        :param outcome: ``opened``, ``refused``, ``failed`` or ``empty``
        :param cause: why it was refused (see ``CAUSES``)
        :param grant_ref: id of the grant that let it through
        :param document: what is shown or printed (``model,id`` or a report); never a name
        :param caller: ``channel.Caller``; asked for when None
        :param cr: write on this cursor, and let the caller commit. Its transaction must have begun with
            ``access_log.writer.lock``, or fails when somebody else appended since its first statement
        :raise UserError: the key store cannot be used
        """
        if evaluated.is_evaluated():
            # typed code may be refused, and that is logged; what it says of others is not
            if outcome not in ("refused", "failed"):
                raise AccessError(self.env._("Code of a server action cannot write the access log."))
            outcome, cause = "refused", "evaluated"
        keyring = keys.keyring(self.env)
        caller = caller or channel.caller()
        person = caller.uid or self.env.uid
        said = (
            ",".join(classes) or None,
            purpose,
            _text(reason),
            caller.channel,
            _text(caller.session),
            _text(caller.address),
            outcome,
            cause,
            grant_ref or None,
            _text(document),
            self.env.uid if self.env.uid != person else None,
        )
        # sudo: the log names what was asked for, whether or not the asker may see the subject
        known = subjects.sudo()
        rows = [
            (person, subject.company_id.id or None, _text(subject.uuid), _text(subject.reference), *said)
            for subject in known
        ] or [(person, self.env.company.id, None, None, *said)]
        if cr is not None:
            writer.append(cr, keyring, rows)
            return
        with writer.cursor(self.env) as own:
            writer.append(own, keyring, rows)

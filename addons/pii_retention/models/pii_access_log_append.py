from odoo import api, models
from odoo.exceptions import AccessError

from .. import evaluated, journal
from ..facts import Asked


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
        # sudo: the log names what was asked for, whether or not the asker may see the subject
        asked = [
            Asked(subject.id, subject.uuid, subject.reference, subject.company_id.id) for subject in subjects.sudo()
        ]
        said = {"classes": classes, "reason": reason, "cause": cause, "grant_ref": grant_ref, "document": document}
        journal.append(self.env, asked, purpose, outcome, caller=caller, cr=cr, **said)

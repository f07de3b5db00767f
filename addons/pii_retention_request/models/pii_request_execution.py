import logging

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from odoo.addons.pii_retention import certificates, keys, purge, transactions
from odoo.addons.pii_retention.crypto import CryptoError

from .. import seals

_logger = logging.getLogger(__name__)

REASONS = {
    "amazon_deletion": "amazon_deletion",
    "amazon_return": "amazon_return",
    "data_subject": "data_subject",
    "merchant_leaves": "company_left",
}
#: First key of the advisory lock under which a company's requests erase; the second is the company's id.
LOCK = 0x5B0D
#: Customers that are erased, and certified, at once.
BATCH = 2000


def _erase(request, subjects) -> None:
    """Erase subjects in the name of a request. No method: it erases whom it is given. Commits between its steps."""
    purge.erase_early(request.env, subjects, REASONS[request.kind], request.name)


def _destroy_domain(request):
    """Destroy every day key of the company at once: all its customers, in every backup, are noise from here on.

    :raise UserError: the key store cannot be used; repeat
    """
    keyring = keys.keyring(request.env)
    domain = request.company_id._pii_domain()
    try:
        found = keyring.list(f"day/{domain}")
        for key_id in found:
            keyring.destroy(key_id, "company_left")
    except CryptoError as error:
        raise UserError(str(error)) from error
    return found


class PiiRequest(models.Model):
    """Carrying out what was decided: in batches that may be interrupted anywhere and are repeated without harm."""

    _inherit = "pii.request"

    # === WHAT IS TO BE DONE === #

    def _runs_alone(self):
        """Tell whether nothing but the work itself is missing: no person has to hand anything out first."""
        self.ensure_one()
        if self.state not in ("approved", "running"):
            return False
        if self.kind == "amazon_return":
            return bool(self.received_back_at and self.erase_after)
        return self.kind in ("amazon_deletion", "merchant_leaves") or self.right == "erase"

    def _wake(self):
        """Let the work start as soon as a worker is free."""
        # sudo: the schedule of the work is no secret
        self.env.ref("pii_retention_request.cron_request_run").sudo()._trigger()

    def action_run_now(self):
        """Wake the work, for somebody who does not want to wait for it."""
        self.check_access("write")
        self._wake()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {"message": self.env._("The work starts within a minute."), "type": "info"},
        }

    @api.model
    def _cron_run(self):
        """Carry out all requests that wait for nothing else, the most urgent first."""
        if self._discard_dead_parts():
            transactions.commit(self.env)
        waiting = self.search([("state", "in", ("approved", "running"))]).filtered(lambda found: found._runs_alone())
        waiting += self.search(
            [("state", "=", "done"), ("item_ids", "any", [("outcome", "in", ("pending", "held"))])]
        ).filtered(lambda found: found._erases())
        for index, request in enumerate(waiting):
            try:
                while request._run_batch():
                    if not transactions.commit(self.env, 1, remaining=len(waiting) - index):
                        return
            except transactions.CONFLICTS:
                # a purge or an import is at the same customers: the others go on, this one at the next run
                transactions.rollback(self.env)
            except UserError as error:
                # the key store is away, or what was decided was written over: the others go on, a person is told
                transactions.rollback(self.env)
                request._report_failure(str(error))
            if not transactions.commit(self.env, 1, remaining=len(waiting) - index - 1):
                return

    def _report_failure(self, text):
        """Tell the handler once why the work cannot go on."""
        _logger.info("Request %s waits: it cannot be carried out now", self.id)
        kind = "pii_retention_request.activity_failed"
        if not self.activity_search([kind]):
            for officer in self._officers() | self.user_id:
                self.activity_schedule(kind, user_id=officer.id, note=text)

    def _forged_text(self):
        return self.env._(
            "What %s says now is not what was decided: somebody wrote it past the decision. Nothing of it is carried "
            "out. Look into it, and register the request anew.",
            self.name,
        )

    # === BATCHES === #

    def _run_batch(self):
        """Do the next part of the work; return whether there is more.

        :raise UserError: not what was decided, or the key store cannot be used
        """
        self.ensure_one()
        # sudo: the work is the product's own, by the seal of whoever decided
        request = self.sudo()
        self.env.cr.execute(SQL("SELECT pg_try_advisory_xact_lock(%s, %s)", LOCK, request.company_id.id))
        if not self.env.cr.fetchone()[0]:
            return False  # another worker is at it
        request.invalidate_recordset()
        freed = request.state == "done" and request._erases() and bool(request._open_items())
        if not freed and not request._runs_alone():
            return False
        if not seals.is_genuine(request):
            raise UserError(request._forged_text())
        if request.state == "approved":
            request.write({"state": "running", "started_at": fields.Datetime.now()})
            request._begin()
        request._settle_erased()
        subjects = request._next_subjects() or (not freed and request._late_subjects())
        if not subjects:
            if not request._is_quiet() or not request._certified():
                return False  # an import is under way, or neighbours move to their next key: at the next run
            if not freed:
                request._finish()
            elif not request._open_items():
                request._end_of_holds()
            return False
        subjects._archive_required()
        _erase(request, subjects)
        request._settle_erased()
        request._link_certificates()
        request._discard_dead_parts()
        if freed and not request._open_items():
            request._end_of_holds()
        return True

    def _late_subjects(self):
        """Return customers who came while the authorisation was being ended: an import was under way."""
        if self.kind != "merchant_leaves" or not self._is_quiet():
            return self.env["pii.subject"]
        found = self.env["pii.subject"].search(self._subject_domain() & Domain("state", "!=", "erased"))
        known = set(self.item_ids.mapped("subject_uuid"))
        late = found.filtered(lambda subject: subject.uuid not in known)
        self.env["pii.request.item"].create(
            [
                {
                    "request_id": self.id,
                    "subject_id": subject.id,
                    "subject_uuid": subject.uuid,
                    "reference": subject.reference,
                }
                for subject in late
            ]
        )
        return self._next_subjects() if late else late

    def _end_of_holds(self):
        """Say that nobody of a completed request is left: the holds have ended, and who was held is erased."""
        self._link_certificates()
        self.activity_unlink(["pii_retention_request.activity_held"])
        self.message_post(
            body=self.env._("The legal holds have ended: who was kept by them is erased as well."),
            subtype_xmlid="mail.mt_comment",
        )

    def _begin(self):
        """Do what comes before the first customer is erased."""
        if self.kind != "merchant_leaves":
            return
        self._end_authorisation()
        # everybody who has come since the preview goes as well
        overlap, confirmed = self.overlap_ids, self.unknown_confirmed_by_id.id
        self._collect()
        overlap |= self.overlap_ids
        self.write(
            {
                "state": "running",
                "overlap_ids": [Command.set(overlap.ids)],
                "unknown_confirmed_by_id": confirmed,
            }
        )
        live = self._open_subjects()
        if self._is_whole_company() and not self._held_of(live):
            found = _destroy_domain(self)
            self.message_post(
                body=self.env._(
                    "All %s day keys of the company were destroyed: nothing of its customers can be read any more, in "
                    "no backup either. The rows and files follow.",
                    len(found),
                )
            )

    def _end_authorisation(self):
        """End the channel's authorisation, so that nothing new arrives; a channel does what it takes."""

    def _is_quiet(self):
        """Tell whether nothing is under way that could bring more customers of an authorisation that has ended."""
        return True

    def _settle_erased(self):
        """Say of customers who are erased by now who did it, and share the certificate of it."""
        known = self._subjects_by_uuid(self._open_items())
        gone = self._open_items().filtered(lambda item: known[item.subject_uuid].state in (False, "erased"))
        if not gone:
            return
        # by this very request: the work was interrupted after the erasure was committed, before it was noted here
        own = gone.filtered(lambda item: known[item.subject_uuid].certificate_id.request_ref == self.name)
        own.write({"outcome": "erased"})
        gone -= own
        others = self.env["pii.request.item"].search(
            [
                ("subject_uuid", "in", gone.mapped("subject_uuid")),
                ("request_id", "!=", self.id),
                ("outcome", "=", "erased"),
            ]
        )
        by_uuid = {item.subject_uuid: item.request_id for item in others}
        for other, items in gone.grouped(lambda item: by_uuid.get(item.subject_uuid)).items():
            items.write({"outcome": "shared" if other else "already", "other_id": other.id if other else False})
        self.write({"overlap_ids": [Command.link(other.id) for other in others.request_id]})

    def _certified(self):
        """Tell whether all that was erased is certified: its keys are gone as well."""
        mine = self.env["pii.certificate"].search([("request_ref", "=", self.name), ("state", "=", "open")])
        for certificate in mine:
            certificates.finish_if_done(certificate)
        return all(certificate.state == "sealed" for certificate in mine)

    def _link_certificates(self):
        """Link the certificates of this request, and those of whom others have erased for it."""
        shared = self.item_ids.filtered(lambda item: item.outcome == "shared").other_id
        found = self.env["pii.certificate"].search([("request_ref", "in", [self.name, *shared.mapped("name")])])
        self.write({"certificate_ids": [Command.set(found.ids)]})

    def _next_subjects(self):
        """Return the next customers to erase, bucket by bucket, so that neighbours move as seldom as possible."""
        items = self._open_items()
        known = self._subjects_by_uuid(items)
        held = self._held_of(self._open_subjects())
        kept = items.filtered(lambda item: known[item.subject_uuid] in held)
        kept.filtered(lambda item: item.outcome != "held").write({"outcome": "held"})
        (items - kept).filtered(lambda item: item.outcome == "held").write({"outcome": "pending"})
        left = self.env["pii.subject"].union(*(known[item.subject_uuid] for item in items - kept))
        return left.sorted("deadline")[:BATCH]

    def _finish(self):
        """Close the request; customers under a hold stay listed and die when the hold ends."""
        self._link_certificates()
        held = self.item_ids.filtered(lambda item: item.outcome == "held")
        # what was archived or destroyed since the preview counts as it is now
        self.write({"state": "done", "done_at": fields.Datetime.now(), **self._statute_values()})
        self.activity_unlink(self._activity_types())
        self.message_post(
            body=self.env._(
                "Completed: %(erased)s erased, %(shared)s erased by other requests, %(held)s kept by a legal hold.",
                erased=self.erased_by_count,
                shared=self.shared_count,
                held=len(held),
            ),
            subtype_xmlid="mail.mt_comment",
        )
        self._schedule_copies()
        if held:
            self._schedule_held(held)

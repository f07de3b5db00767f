import re
from datetime import timedelta

from odoo import Command, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from odoo.addons.pii_retention import calendar

from .. import seals

#: Origin of the subjects under which archives that wait for their download are sealed.
ARCHIVE_ORIGIN = "request"
_SEPARATORS = re.compile(r"[\s,;]+")
#: So many unknown names are spelled out; the rest is counted.
_MOST_NAMED = 50


class PiiRequest(models.Model):
    """Whom a request is about: found by its scope, counted, and named by reference before anybody decides."""

    _inherit = "pii.request"

    previewed_at = fields.Datetime(string="Previewed", readonly=True, copy=False)
    found_count = fields.Integer(string="Customers in Scope", readonly=True, copy=False)
    live_count = fields.Integer(string="With Data", readonly=True, copy=False, help="Their data is still held.")
    erased_count = fields.Integer(string="Erased Already", readonly=True, copy=False)
    held_count = fields.Integer(
        string="Under Legal Hold", readonly=True, copy=False, help="Listed, and not erased before the hold ends."
    )
    file_count = fields.Integer(string="Sealed Files", readonly=True, copy=False)
    unknown_text = fields.Text(string="Not Known Here", readonly=True, copy=False)
    unknown_confirmed_by_id = fields.Many2one("res.users", string="Confirmed as Unknown by", readonly=True, copy=False)
    overlap_ids = fields.Many2many(
        "pii.request",
        relation="pii_request_overlap_rel",
        column1="request_id",
        column2="other_id",
        string="Overlaps with",
        readonly=True,
        copy=False,
        help="Other requests about some of the same customers. What one has erased is not erased again.",
    )

    # === SCOPE === #

    def _named_references(self):
        """Return the order numbers of the request, each once, in the order in which they were pasted."""
        self.ensure_one()
        return list(dict.fromkeys(filter(None, _SEPARATORS.split(self.references or ""))))

    def _named_accounts(self):
        """Return the accounts as the notice names them, one a line."""
        self.ensure_one()
        return list(dict.fromkeys(filter(None, (line.strip() for line in (self.account_refs or "").splitlines()))))

    def _is_whole_company(self):
        """Tell whether nothing narrows the scope: the whole data of the company."""
        self.ensure_one()
        return not (self._scope_words() or self.subject_ids)

    def _scope_words(self):
        """Return what narrows the scope, as ``[(label, words)]``: for the form, the certificate and the decision."""
        self.ensure_one()
        words = []
        if self.origin:
            words.append((self.env._("Channel"), self.origin))
        if accounts := self._named_accounts():
            words.append((self.env._("Accounts"), ", ".join(accounts)))
        if self.date_from or self.date_to:
            words.append((self.env._("Orders"), f"{self.date_from or '…'} – {self.date_to or '…'}"))
        if references := self._named_references():
            named = ", ".join(references[:_MOST_NAMED])
            if len(references) > _MOST_NAMED:
                named += " " + self.env._("and %s more", len(references) - _MOST_NAMED)
            words.append((self.env._("Order numbers"), named))
        return words

    def _reference_domain(self, references):
        """Return the domain of the subjects of these orders; a channel knows more of its own."""
        return Domain("reference", "in", references)

    def _period_domain(self):
        """Return the domain of the subjects of the period; a channel knows the moment of the order itself."""
        self.ensure_one()
        zone = self.company_id._pii_figure("tz")
        domain = Domain.TRUE
        if self.date_from:
            domain &= Domain("create_date", ">=", calendar.begins(self.date_from, zone))
        if self.date_to:
            domain &= Domain("create_date", "<", calendar.begins(self.date_to + timedelta(days=1), zone))
        return domain

    def _account_domain(self):
        """Return ``(domain, unknown names)`` of the accounts; without a channel that has accounts none is known."""
        self.ensure_one()
        names = self._named_accounts()
        return (Domain.FALSE, names) if names else (Domain.TRUE, [])

    def _subject_domain(self):
        """Return the domain of the subjects in scope.

        :raise UserError: the scope is empty
        """
        self.ensure_one()
        if self._is_whole_company() and self.kind != "merchant_leaves":
            raise UserError(
                self.env._(
                    "Say whom the request is about: a channel, accounts, a period, order numbers or customers. Only "
                    "the end of an authorisation may cover a whole company."
                )
            )
        if self.kind == "data_subject" and not (self.subject_ids or self._named_references()):
            raise UserError(self.env._("Choose the customers of this person, or enter the numbers of the orders."))
        domain = Domain("company_id", "=", self.company_id.id) & Domain("origin", "!=", ARCHIVE_ORIGIN)
        # a planted customer is nobody: to open one would raise the alarm that it is there for
        domain &= Domain("is_canary", "=", False)
        references = self._named_references()
        if references or self.subject_ids:
            domain &= self._reference_domain(references) | Domain("id", "in", self.subject_ids.ids)
        if self.origin:
            domain &= Domain("origin", "=", self.origin)
        return domain & self._period_domain() & self._account_domain()[0]

    # === PREVIEW === #

    def action_preview(self):
        """Find whom the requests are about, and count what is held of them."""
        for request in self:
            request._check_unsettled()
            # sudo: what a preview finds is written by nobody's hand; it holds counts and references
            request.sudo()._collect()
            request.message_post(
                body=self.env._(
                    "Previewed: %(live)s customers with data, %(erased)s erased already, %(held)s under a legal hold, "
                    "%(files)s sealed files, %(kept)s documents kept by law.",
                    live=request.live_count,
                    erased=request.erased_count,
                    held=request.held_count,
                    files=request.file_count,
                    kept=request.statute_count,
                )
            )
        return True

    def _collect(self):
        """Write the items and the counts of the scope as it is now."""
        self.ensure_one()
        subjects = self.env["pii.subject"]
        domain = self._subject_domain()
        found = subjects._search(domain)
        self.item_ids.unlink()
        self.env.flush_all()
        named = bool(self.subject_ids or self._named_references())
        # of a wide scope, those who were erased in the ordinary course are counted only
        self.env.cr.execute(
            SQL(
                """INSERT INTO pii_request_item (request_id, subject_id, subject_uuid, reference, outcome, other_id)
                   SELECT %(request)s, s.id, s.uuid, s.reference,
                          CASE WHEN s.state <> 'erased' THEN 'pending' WHEN o.id IS NOT NULL THEN 'shared'
                               ELSE 'already' END, o.request_id
                     FROM pii_subject s
                     LEFT JOIN LATERAL (SELECT i.id, i.request_id FROM pii_request_item i
                                         WHERE i.subject_uuid = s.uuid AND i.request_id <> %(request)s
                                           AND i.outcome = 'erased' ORDER BY i.id LIMIT 1) o ON s.state = 'erased'
                    WHERE s.id IN %(found)s AND (%(named)s OR s.state <> 'erased' OR o.id IS NOT NULL)
                    ORDER BY s.id""",
                request=self.id,
                found=found.subselect(),
                named=named,
            )
        )
        self.env["pii.request.item"].invalidate_model()
        self.invalidate_recordset(["item_ids"])
        live = self._open_subjects()
        # before it is counted what a statute keeps
        missing = live._archive_required() if self._erases() else []
        unknown = self._unknown_names()
        self.write(
            {
                "state": "previewed",
                "previewed_at": fields.Datetime.now(),
                "found_count": subjects.search_count(domain),
                "live_count": len(live),
                "erased_count": subjects.search_count(domain & Domain("state", "=", "erased")),
                "held_count": len(self._held_of(live)),
                "file_count": self.env["ir.attachment"].search_count(
                    [("pii_subject_id", "in", live.ids), ("id", "!=", False)]
                ),
                **self._statute_values(),
                "missing_text": "\n".join(missing) or False,
                "unknown_text": "\n".join(unknown) or False,
                "unknown_confirmed_by_id": False,
                "overlap_ids": [Command.set(self._overlapping().ids)],
            }
        )

    def _open_items(self):
        return self.item_ids.filtered(lambda item: item.outcome in ("pending", "held"))

    def _subjects_by_uuid(self, items):
        """Return ``{uuid: subject}`` of the items, an empty one for who is not there any more.

        What was decided names UUIDs; where a row's link leads to is not in the seal, and not believed.
        """
        uuids = items.mapped("subject_uuid")
        found = self.env["pii.subject"].search([("uuid", "in", uuids), ("company_id", "=", self.company_id.id)])
        by_uuid = {subject.uuid: subject for subject in found}
        return {uuid: by_uuid.get(uuid, found.browse()) for uuid in uuids}

    def _open_subjects(self):
        """Return the subjects that are still to be dealt with."""
        found = self.env["pii.subject"].union(*self._subjects_by_uuid(self._open_items()).values())
        return found.filtered(lambda subject: subject.state != "erased")

    def _held_of(self, subjects):
        """Return those of ``subjects`` that a legal hold keeps."""
        return subjects._held()

    def _unknown_names(self):
        """Return what the request names and nobody here knows, as lines."""
        self.ensure_one()
        lines = [self.env._("Account %s", name) for name in self._account_domain()[1]]
        if self.origin and not self.env["pii.subject"].search_count(
            [("company_id", "=", self.company_id.id), ("origin", "=", self.origin)], limit=1
        ):
            lines.append(self.env._("Channel %s", self.origin))
        references = self._named_references()
        known = self._known_references(references)
        missing = [name for name in references if name not in known]
        lines += [self.env._("Order %s", name) for name in missing[:_MOST_NAMED]]
        if len(missing) > _MOST_NAMED:
            lines.append(self.env._("and %s more orders", len(missing) - _MOST_NAMED))
        return lines

    def _known_references(self, references):
        """Return those order numbers that somebody here belongs to, in the company of the request."""
        subjects = self.env["pii.subject"].search(
            [("company_id", "=", self.company_id.id), ("reference", "in", references)]
        )
        return set(subjects.mapped("reference"))

    def _overlapping(self):
        """Return the other requests, still open or done, that are about some of the same customers."""
        self.env["pii.request.item"].flush_model()
        self.env.cr.execute(
            SQL(
                """SELECT DISTINCT other.request_id FROM pii_request_item own
                     JOIN pii_request_item other
                       ON other.subject_uuid = own.subject_uuid AND other.request_id <> own.request_id
                     JOIN pii_request r ON r.id = other.request_id AND r.state <> 'refused'
                    WHERE own.request_id = %s""",
                self.id,
            )
        )
        return self.browse(row[0] for row in self.env.cr.fetchall())

    def action_confirm_unknown(self):
        """Record that an officer has looked at what is not known here: nothing is held of it."""
        seals.check_officer(self.env)
        for request in self:
            request._check_unsettled()
            if request.state != "previewed" or not request.unknown_text:
                raise UserError(self.env._("There is nothing unknown to confirm. Preview the request first."))
            # sudo: a confirmation is no value that is typed
            request.sudo().unknown_confirmed_by_id = self.env.user
            request.message_post(
                body=self.env._(
                    "%s has confirmed: nothing is held of what the request names and nobody here knows.",
                    self.env.user.name,
                )
            )

    def action_view_items(self):
        self.ensure_one()
        action = self.env["ir.actions.actions"]._for_xml_id("pii_retention_request.pii_request_item_action")
        return {**action, "domain": [("request_id", "=", self.id)], "context": {}}

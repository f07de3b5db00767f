from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import human_size

from .. import archive, archive_items, archive_seals
from ..crypto import CryptoError

#: Why the buyer's identity stays on a document.
BASES = [
    ("b2b", "Business customer"),
    ("on_request", "Invoice on request"),
    ("distance_sale", "Distance sale outside OSS"),
    ("e_invoice", "E-invoice transmitted"),
    ("amount", "Above the limit of simplified documents"),
    ("manual", "Stated by a person"),
]


class PiiArchiveItem(models.Model):
    """One document that a statute keeps, sealed for itself: number, date and amount in clear, nobody's name.

    Rows are added by ``archive.keep`` alone and never changed but for their place in the chain and their end.
    """

    _name = "pii.archive.item"
    _description = "Document of the Legal Archive"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "id desc"
    _rec_name = "reference"
    _allow_sudo_commands = False

    uuid = fields.Char(string="UUID", required=True, readonly=True)
    reference = fields.Char(string="Document", required=True, readonly=True, help="Number of the document.")
    part = fields.Selection(
        [("pdf", "PDF"), ("xml", "XML as transmitted"), ("other", "Other")], required=True, readonly=True
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True, ondelete="restrict")
    # no foreign key: the document is evidence, whatever becomes of the record that it was issued from
    res_model = fields.Char(string="Model", required=True, readonly=True)
    res_id = fields.Many2oneReference(string="Record", model_field="res_model", required=True, readonly=True)
    document_date = fields.Date(required=True, readonly=True)
    transaction_date = fields.Date(readonly=True)
    amount = fields.Monetary(readonly=True, aggregator=None)
    currency_id = fields.Many2one("res.currency", readonly=True)
    order_reference = fields.Char(string="Order", readonly=True)
    subject_uuid = fields.Char(string="Data Subject", readonly=True, index=True, help="Random; names nobody.")

    rule_id = fields.Many2one("pii.archive.rule", required=True, readonly=True, ondelete="restrict")
    code = fields.Char(string="Row", required=True, readonly=True)
    statute = fields.Char(required=True, readonly=True)
    article = fields.Char(required=True, readonly=True)
    years = fields.Integer(required=True, readonly=True, aggregator=None)
    start = fields.Date(string="Counted From", required=True, readonly=True)
    retain_until = fields.Date(required=True, readonly=True)
    bucket_year = fields.Integer(
        string="Key of",
        required=True,
        readonly=True,
        index=True,
        aggregator=None,
        help="The document is deleted after the last day of its statute; its key, that of all documents of the year, "
        "is destroyed when this year is over, and with it what backups hold.",
    )
    fields_kept = fields.Char(string="Identity on the Document", required=True, readonly=True)
    basis = fields.Selection(BASES, required=True, readonly=True)
    reason = fields.Char(readonly=True)
    approved_by_id = fields.Many2one("res.users", string="Rule Confirmed by", required=True, readonly=True)
    archived_by_id = fields.Many2one("res.users", string="Archived by", required=True, readonly=True)
    archived_at = fields.Datetime(string="Archived on", required=True, readonly=True)

    mimetype = fields.Char(required=True, readonly=True)
    size = fields.Integer(string="Size in Bytes", readonly=True, aggregator=None, help="Bytes as sealed.")
    size_label = fields.Char(string="Size", compute="_compute_size_label")
    sha256 = fields.Char(string="SHA-256 of the Sealed File", required=True, readonly=True)
    source_item = fields.Char(readonly=True, index=True, help="The sealed file that it was taken from.")
    moved_from_id = fields.Many2one(
        "pii.archive.item", string="Held From", readonly=True, help="A hold carried the document into another year."
    )
    mac = fields.Char(string="Seal", required=True, readonly=True)
    number = fields.Integer(string="No.", readonly=True, default=0, aggregator=None)
    chain_mac = fields.Char(string="Seal of the Chain", readonly=True)
    state = fields.Selection(
        [("kept", "Kept"), ("moved", "Held over"), ("destroyed", "Destroyed")],
        required=True,
        readonly=True,
        default="kept",
    )
    destroyed_on = fields.Datetime(readonly=True)

    _uuid_unique = models.UniqueIndex("(uuid)", "A document of the archive has one UUID.")
    _number_unique = models.UniqueIndex("(company_id, number) WHERE number > 0", "A place in the chain is taken once.")
    _document_idx = models.Index("(res_model, res_id)")

    # === COMPUTE METHODS === #

    @api.depends("reference", "part")
    def _compute_display_name(self):
        labels = dict(self._fields["part"]._description_selection(self.env))
        for item in self:
            item.display_name = f"{item.reference} ({labels.get(item.part, '')})"

    @api.depends("size")
    def _compute_size_label(self):
        for item in self:
            item.size_label = human_size(item.size) if item.size else ""

    def _terms(self):
        """Return what the seal of the row covers: all that is stated about the document, and the sealed file itself."""
        self.ensure_one()
        item = self.sudo()  # sudo: compared, not shown
        plain = (
            "uuid",
            "reference",
            "part",
            "res_model",
            "res_id",
            "order_reference",
            "subject_uuid",
            "code",
            "statute",
            "article",
            "years",
            "bucket_year",
            "fields_kept",
            "basis",
            "reason",
            "mimetype",
            "size",
            "sha256",
            "source_item",
        )
        dates = ("document_date", "transaction_date", "start", "retain_until")
        links = ("rule_id", "currency_id", "approved_by_id", "archived_by_id", "moved_from_id")
        return (
            {name: item[name] or "" for name in plain}
            | {name: fields.Date.to_string(item[name]) or "" for name in dates}
            | {name: item[name].id or 0 for name in links}
            | {
                "domain": item.company_id._pii_domain(),
                "amount": f"{item.amount:.6f}",
                "archived_at": fields.Datetime.to_string(item.archived_at),
            }
        )

    def _attachment(self):
        """Return the sealed file, empty when it is destroyed."""
        # sudo: which file it is is no secret
        return self.env["ir.attachment"].sudo().search([("pii_archive_id", "=", self.id), ("id", "!=", False)], limit=1)

    def _pii_subjects(self):
        # the document is nobody's clock: it is kept after its person's day
        return self.env["pii.subject"]

    # === NOBODY WRITES === #

    @api.model_create_multi
    def create(self, vals_list):
        if not archive_items.is_writing():
            raise AccessError(self.env._("Documents are archived with the invoice, not by hand."))
        return super().create(vals_list)

    def write(self, vals):
        if not archive_items.is_writing() and set(vals) - {"activity_ids", "message_follower_ids"}:
            raise AccessError(self.env._("What is archived is not changed."))
        return super().write(vals)

    def unlink(self):  # pylint: disable=method-required-super
        raise AccessError(self.env._("What is archived stays until its key is destroyed; its line stays after that."))

    def copy(self, default=None):  # pylint: disable=method-required-super
        raise UserError(self.env._("A document is archived once."))

    # === SCREENS === #

    def action_request(self):
        """Ask to read these documents."""
        if self.filtered(lambda item: item.state != "kept"):
            raise UserError(self.env._("Only documents that are kept can be read. Choose others."))
        if len(self.company_id) != 1:
            raise UserError(self.env._("Ask for documents of one company at a time."))
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Ask to Read"),
            "res_model": "pii.archive.request",
            "view_mode": "form",
            "context": {"default_item_ids": [(6, 0, self.ids)], "default_company_id": self.company_id.id},
        }

    def action_read(self):
        """Open the document in the browser for the request on the screen; whether it opens is decided there."""
        self.ensure_one()
        request_id = self.env.context.get("archive_request_id")
        if not isinstance(request_id, int):
            raise UserError(self.env._("Open the document from your request."))
        return {"type": "ir.actions.act_url", "url": f"/pii/archive/{request_id}/{self.id}", "target": "new"}

    def action_open_record(self):
        """Open the record that the document was issued from."""
        self.ensure_one()
        if self.res_model not in self.env or not self.env[self.res_model].browse(self.res_id).exists():
            raise UserError(self.env._("The record that the document was issued from is gone."))
        return {
            "type": "ir.actions.act_window",
            "res_model": self.res_model,
            "res_id": self.res_id,
            "view_mode": "form",
        }

    @api.model
    def action_verify(self):
        """Check the registers of the user's companies and show the result."""
        if not self.env.user.has_groups("pii_retention.group_privacy_officer,pii_retention.group_auditor"):
            raise AccessError(self.env._("Privacy officers and auditors check the archive."))
        found, count = [], 0
        try:
            for company in self.env.companies:
                found += archive_seals.verify(company)
                found += archive.verify_files(company)
                # sudo: counted for whoever may check
                count += self.sudo().search_count([("company_id", "=", company.id)])
        except CryptoError as error:
            raise UserError(str(error)) from error
        text = (
            "\n".join(finding.text for finding in found[:20])
            if found
            else self.env._("%s documents: none was changed, removed or slipped in.", count)
        )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {"message": text, "type": "danger" if found else "success", "sticky": bool(found)},
        }

    @api.model
    def _cron_archive(self):
        """Put new documents into the chain and look whether it is whole; the officers hear of what is not."""
        for company in self.env["res.company"].sudo().search([]):  # sudo: scheduled work for all companies
            try:
                archive_seals.link(company)
                found = archive_seals.verify(company)
            except CryptoError as error:
                raise UserError(str(error)) from error
            if found:
                self._tell(company, found)

    @api.model
    def _tell(self, company, found):
        """Put findings on the list of the officers, once."""
        items = self.sudo()  # sudo: activities are assigned to others
        last = items.search([("company_id", "=", company.id)], limit=1)
        for finding in found[:20]:
            item = items.browse(finding.item_id) if finding.item_id else last
            if not item or item.activity_search(["pii_retention.activity_archive_finding"]):
                continue
            for officer in self.env["pii.grant"]._officers(company):
                item.with_context(mail_activity_automation_skip=False).activity_schedule(
                    "pii_retention.activity_archive_finding", user_id=officer.id, note=finding.text
                )

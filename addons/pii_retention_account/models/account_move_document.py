from odoo import api, fields, models
from odoo.exceptions import AccessError

from odoo.addons.pii_retention import archive_seals
from odoo.addons.pii_retention.models.pii_archive_item import BASES

from .. import documents


class AccountMove(models.Model):
    """The class of a protected customer's document: does a law want the identity on it?"""

    _inherit = "account.move"

    pii_document_class = fields.Selection(
        [("a", "No identity needed"), ("b", "Identity kept by law"), ("c", "Nothing kept")],
        string="Document Class",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="Decided when the document is posted. A document of class “Identity kept by law” is sealed into the legal "
        "archive as soon as it is created; of all others the customer's identity is gone on its day.",
    )
    pii_document_basis = fields.Selection(BASES, string="Identity Kept Because", readonly=True, copy=False)
    pii_document_code = fields.Char(string="Row of the Archive", readonly=True, copy=False)
    pii_document_reason = fields.Char(string="Stated Reason", readonly=True, copy=False)
    pii_document_by_id = fields.Many2one("res.users", string="Stated by", readonly=True, copy=False)
    pii_archive_count = fields.Integer(string="Archived", compute="_compute_pii_archive")
    pii_is_archived = fields.Boolean(
        string="In the Legal Archive", compute="_compute_pii_archive", search="_search_pii_is_archived"
    )
    pii_is_erased = fields.Boolean(string="Customer's Data Erased", compute="_compute_pii_is_erased")

    # === COMPUTE METHODS === #

    def _pii_items(self):
        # sudo: whether a document is archived is no secret to whoever may read it
        domain = [("res_model", "=", self._name), ("res_id", "in", self.ids), ("state", "!=", "moved")]
        return self.env["pii.archive.item"].sudo().search(domain)

    def _compute_pii_archive(self):
        items = self._pii_items().grouped("res_id")
        for move in self:
            known = items.get(move.id, ())
            move.pii_archive_count = len(known)
            move.pii_is_archived = any(item.state == "kept" for item in known)

    def _search_pii_is_archived(self, operator, value):
        if operator != "in":
            return NotImplemented
        # sudo: as in _pii_items
        kept = self.env["pii.archive.item"].sudo().search([("res_model", "=", self._name), ("state", "=", "kept")])
        return [("id", "in" if True in value else "not in", kept.mapped("res_id"))]

    @api.depends("partner_id")
    def _compute_pii_is_erased(self):
        for move in self:
            subjects = move._pii_subjects().sudo()  # sudo: whether somebody is erased is on the card already
            move.pii_is_erased = bool(subjects) and all(subject.state == "erased" for subject in subjects)

    # === CLASS === #

    def write(self, vals):
        if not documents.is_deciding() and not documents.DECIDED.isdisjoint(vals):
            raise AccessError(
                self.env._(
                    "The class of a document follows from the law, or from “Full Invoice Required”, with a reason."
                )
            )
        return super().write(vals)

    @api.model_create_multi
    def create(self, vals_list):
        if not documents.is_deciding():
            vals_list = [{key: vals[key] for key in vals if key not in documents.DECIDED} for vals in vals_list]
        return super().create(vals_list)

    def _post(self, soft=True):
        # EXTENDS account
        posted = super()._post(soft=soft)
        posted._pii_classify()
        return posted

    def button_cancel(self):
        # EXTENDS account
        result = super().button_cancel()
        self.filtered(lambda move: move.state == "cancel")._pii_classify()
        return result

    def _pii_classify(self):
        """Decide the class of protected customers' documents; what a person has stated, or is archived, stays."""
        for move in self.filtered(lambda move: move.is_sale_document(include_receipts=True)):
            subjects = move._pii_subjects().sudo()  # sudo: facts that identify nobody
            if not subjects or move.pii_document_by_id or move.pii_is_archived:
                continue
            code = move._pii_archive_code()
            basis = move.state == "posted" and move._pii_basis(subjects, code)
            with documents.deciding():
                move.write(
                    {
                        "pii_document_class": "c" if move.state == "cancel" else "b" if basis else "a",
                        "pii_document_basis": basis,
                        "pii_document_code": code,
                    }
                )

    def _pii_basis(self, subjects, code):
        """Return why a statute asks for the customer's identity on this document, False when none does."""
        self.ensure_one()
        rule = archive_seals.rule_in_force(self.company_id, code, self.invoice_date or self.date)
        if not rule:
            # sudo: what the product states is for everybody; until somebody confirms it, the document waits
            rules = self.env["pii.archive.rule"].sudo()
            rule = rules.search([("code", "=", code), ("company_id", "=", False)], limit=1)
        if rule.basis_e_invoice and self._pii_e_invoices():
            return "e_invoice"
        if self.move_type == "out_refund" and self.reversed_entry_id:
            return False  # a credit note refers to its invoice and may leave the customer out (art. 220a, 226b)
        if rule.basis_b2b and any(subjects.mapped("has_vat")):
            return "b2b"
        if rule.basis_distance_sale and self._pii_is_distance_sale():
            return "distance_sale"
        if rule.simplified_limit and abs(self.amount_total_signed) > rule.simplified_limit:
            return "amount"
        return False

    def _pii_archive_code(self):
        """Return the row of the archive's rules that binds this document."""
        if self._pii_is_oss():
            return "OSS"
        company = self.company_id
        code = (self.tax_country_id or company.account_fiscal_country_id or company.country_id).code
        return {"GB": "UK"}.get(code, code)

    def _pii_is_oss(self):
        tag = self.env.ref("l10n_eu_oss.tag_oss", raise_if_not_found=False)
        lines = self.invoice_line_ids.tax_ids.flatten_taxes_hierarchy().repartition_line_ids
        return bool(tag) and tag in lines.tag_ids

    def _pii_departure_country(self):
        """Return the country that the goods leave from; channels that know it better override this."""
        return self.company_id.country_id or self.company_id.account_fiscal_country_id

    def _pii_is_distance_sale(self):
        """Tell whether goods went to another Member State and were taxed there, outside the Union scheme."""
        union = self.env.ref("base.europe", raise_if_not_found=False)
        departure = self._pii_departure_country()
        destination = (self.partner_shipping_id or self.partner_id).country_id
        return (
            bool(union)
            and departure != destination
            and departure in union.country_ids
            and destination in union.country_ids
            and self.tax_country_id == destination
            and not self._pii_is_oss()
        )

    # === SCREENS === #

    def action_pii_archive(self):
        """Show what is archived of these documents."""
        action = self.env["ir.actions.act_window"]._for_xml_id("pii_retention.pii_archive_item_action")
        return {**action, "domain": [("res_model", "=", self._name), ("res_id", "in", self.ids)], "context": {}}

    def action_pii_full_invoice(self):
        """Ask why the full invoice is required."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Full Invoice Required"),
            "res_model": "pii.full.invoice",
            "view_mode": "form",
            "target": "new",
            "context": {"default_move_id": self.id},
        }

from odoo import fields, models

from .pii_print_job import STATES


class PiiPrintPart(models.Model):
    """The documents of a job that are rendered and sent together: one job at the printer."""

    _name = "pii.print.part"
    _description = "Part of a Print Job"
    _order = "job_id, sequence, id"
    _rec_name = "sequence"

    job_id = fields.Many2one("pii.print.job", required=True, readonly=True, ondelete="cascade", index=True)
    user_id = fields.Many2one(related="job_id.user_id")
    sequence = fields.Integer(string="Part", readonly=True)
    res_ids = fields.Json(string="Documents", readonly=True)
    document_count = fields.Integer(string="Number of Documents", readonly=True)
    state = fields.Selection(STATES, default="queued", required=True, readonly=True)
    ipp_job = fields.Integer(string="Number at the Printer", readonly=True)
    message = fields.Char(readonly=True)

    _unfinished = models.Index("(state) WHERE state IN ('queued', 'sending', 'sent', 'printing')")

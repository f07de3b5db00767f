from odoo import fields, models


class PiiLogHead(models.Model):
    """Where the access log's chain stands; one row, locked by whoever appends (``access_log/writer.py``)."""

    _name = "pii.log.head"
    _description = "Head of the Access Log"
    _log_access = False
    _allow_sudo_commands = False

    chain = fields.Char(required=True, readonly=True)
    database = fields.Char(required=True, readonly=True)
    number = fields.Integer(required=True, readonly=True)
    mac = fields.Char(required=True, readonly=True)

    _one_row = models.Constraint("CHECK (id = 1)", "The access log has one head.")

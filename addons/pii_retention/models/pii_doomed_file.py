from odoo import fields, models


class PiiDoomedFile(models.Model):
    """Names of files that have to leave the filestore; a row lives from the transaction that let go of its file until
    the file is overwritten and removed, which is seconds unless something was interrupted.
    """

    _name = "pii.doomed.file"
    _description = "File to Remove"
    _log_access = False
    _rec_name = "name"

    name = fields.Char(required=True, readonly=True)

    _name_unique = models.UniqueIndex("(name)", "This file is on the list already.")

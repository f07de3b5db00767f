from odoo import fields, models


class IrBinary(models.AbstractModel):
    _inherit = "ir.binary"

    def _get_image_stream_from(self, record, field_name="raw", *args, placeholder=None, **kwargs):
        # the picture on a card is loaded with the page, asked for by nobody: it opens nothing
        if self._pii_is_sealed_picture(record, field_name):
            return self._get_placeholder_stream(placeholder or record._get_placeholder_filename(field_name))
        return super()._get_image_stream_from(record, field_name, *args, placeholder=placeholder, **kwargs)

    def _pii_is_sealed_picture(self, record, field_name):
        """Tell whether this is an image field whose content is a sealed file."""
        field = record._fields.get(field_name)
        if record._name == "ir.attachment" or not isinstance(field, fields.Image) or not field.attachment:
            return False
        # sudo: whether a file is sealed is no secret
        domain = [("res_model", "=", record._name), ("res_id", "=", record.id), ("res_field", "=", field_name)]
        return bool(self.env["ir.attachment"].sudo().search(domain, limit=1).pii_subject_id)

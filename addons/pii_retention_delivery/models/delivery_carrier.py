from contextlib import contextmanager

from odoo import api, fields, models

from odoo.addons.pii_retention import logmask, reveal

from .. import postponed


class DeliveryCarrier(models.Model):
    _inherit = "delivery.carrier"

    pii_recipient_id = fields.Many2one(
        "pii.recipient",
        string="Registered As",
        ondelete="restrict",
        index="btree_not_null",
        domain="[('state', '=', 'active'), '|', ('company_id', '=', False), ('company_id', '=?', company_id)]",
        help="The entry of the register under which this carrier gets the addresses of protected customers. Without "
        "one their orders are not sent to it.",
    )
    pii_is_local = fields.Boolean(compute="_compute_pii_is_local")

    @api.depends("delivery_type")
    def _compute_pii_is_local(self):
        local = self._pii_local_types()
        for carrier in self:
            carrier.pii_is_local = carrier.delivery_type in local

    @api.model
    def _pii_local_types(self):
        """Return the delivery types that compute in Odoo and send nothing to anybody; a module adds its own."""
        return {"fixed", "base_on_rule", "in_store"}

    @contextmanager
    def _pii_sending(self, records):
        """Yield ``(carrier, records)`` as the carrier's module may use them.

        For protected customers of a carrier that is asked over the network: inside of a disclosure. There the records
        hold the address, and PostgreSQL refuses every write.

        :param records: orders or deliveries
        """
        self.ensure_one()
        subjects = self.env["pii.subject"] if self.pii_is_local else records._pii_subjects()
        if not subjects:
            yield self, records
            return
        # sudo: the carrier's entry in the register is looked up for whoever ships
        recipient = self.sudo().pii_recipient_id.with_env(self.env)
        document = ", ".join(records.mapped("name"))
        with postponed.collecting(self.env), recipient.disclose(subjects, "label", document) as env:
            yield self.with_env(env), records.with_env(env)

    # === WHERE ADDRESSES LEAVE === #

    def rate_shipment(self, order):
        # EXTENDS delivery
        with self._pii_sending(order) as (carrier, orders):
            result = super(DeliveryCarrier, carrier).rate_shipment(orders)
            # carriers repeat the address in what they complain about; the wizard stores it
            return logmask.mask_object(result)

    def send_shipping(self, pickings):
        # EXTENDS stock_delivery
        with self._pii_sending(pickings) as (carrier, revealed):
            return super(DeliveryCarrier, carrier).send_shipping(revealed)

    def get_return_label(self, pickings, tracking_number=None, origin_date=None):
        # EXTENDS stock_delivery
        with self._pii_sending(pickings) as (carrier, revealed):
            return super(DeliveryCarrier, carrier).get_return_label(
                revealed, tracking_number=tracking_number, origin_date=origin_date
            )

    def log_xml(self, xml_string, func):
        # EXTENDS delivery: the request would be stored as it is, on a connection that no reveal guards
        if reveal.is_open_on(self.env.cr):
            size = len(xml_string or "")
            xml_string = f"[sealed: {size} characters of a request or answer with personal data were not logged]"
        return super().log_xml(xml_string, func)

from odoo import models

from odoo.addons.pii_retention import comparing

NUMBER = ("fiscal", "vat")
OF_TAX = {NUMBER, ("fiscal", "tax_address")}
"""What stands on no slip and no label."""


class ChangedBuyers:
    """Collects the ids of subjects whose data is other than before, through the context of a sealing.

    Equal to nothing but itself: environments with equal contexts are one and the same.

    :ivar ids: of those of whom something else than the tax registration changed
    :ivar numbers: of those who have another VAT number, or none any more
    """

    __slots__ = ("ids", "numbers")

    def __init__(self) -> None:
        self.ids: set[int] = set()
        self.numbers: set[int] = set()


class PiiSubject(models.Model):
    _inherit = "pii.subject"

    def _pseudonym(self):
        # EXTENDS pii_retention: "Amazon", as the brand is written, and never the origin's technical name.
        self.ensure_one()
        return f"Amazon {self.reference}" if self.origin == "amazon" else super()._pseudonym()

    def _is_unchanged(self, values):
        # EXTENDS pii_retention: an import asks which buyers have new data, to say so (and nothing more) on the order.
        known = bool(self.content_mac)
        unchanged = super()._is_unchanged(values)
        collector = self.env.context.get("spapi_changed_subjects")
        if known and not unchanged and isinstance(collector, ChangedBuyers):
            changed = comparing.changed_keys(self, values)
            if changed - OF_TAX:
                collector.ids.add(self.id)
            if NUMBER in changed and not comparing.is_corrected(self, *NUMBER):
                collector.numbers.add(self.id)
        return unchanged

    def _correct(self, values, purpose=None, reason=None, document=None):
        # EXTENDS pii_retention: another VAT number is checked, and may be taxed otherwise.
        cls, key = NUMBER
        number = (values.get(cls) or {}).get(key)
        others = self.browse()
        if number is not None:
            others = self.filtered(lambda subject: not comparing.is_held(subject, cls, key, number or ""))
        super()._correct(values, purpose, reason, document)
        if others:
            # sudo: whoever may correct a buyer has no right on the mirror
            orders = self.env["spapi.order"].sudo().search([("subject_id", "in", others.ids)])
            orders._take_corrected_number(number or "")

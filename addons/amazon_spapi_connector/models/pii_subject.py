from odoo import models


class ChangedBuyers:
    """Collects the ids of subjects whose data is other than before, through the context of a sealing.

    Equal to nothing but itself: environments with equal contexts are one and the same.
    """

    __slots__ = ("ids",)

    def __init__(self) -> None:
        self.ids: set[int] = set()


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
        changed = self.env.context.get("spapi_changed_subjects")
        if known and not unchanged and isinstance(changed, ChangedBuyers):
            changed.ids.add(self.id)
        return unchanged

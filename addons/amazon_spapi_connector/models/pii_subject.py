from odoo import models

from odoo.addons.pii_retention.purposes import CLASSES

from ..spapi.orders import PERSONAL_KEYS

# The vault keeps only keys that it knows; Amazon's orders bring some more.
for _class, _keys in PERSONAL_KEYS.items():
    CLASSES[_class] = tuple(dict.fromkeys((*CLASSES[_class], *_keys)))


class PiiSubject(models.Model):
    _inherit = "pii.subject"

    def _pseudonym(self):
        # EXTENDS pii_retention: "Amazon", as the brand is written, and never the origin's technical name.
        self.ensure_one()
        return f"Amazon {self.reference}" if self.origin == "amazon" else super()._pseudonym()

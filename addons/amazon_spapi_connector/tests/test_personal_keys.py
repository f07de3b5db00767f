from odoo.tests import BaseCase, tagged

from odoo.addons.pii_retention.purposes import CLASSES

from ..spapi.orders import PERSONAL_KEYS


@tagged("post_install", "-at_install")
class TestPersonalKeys(BaseCase):
    def test_the_vault_has_a_place_for_all_that_an_order_brings(self):
        """The splitter knows no Odoo and lists its keys itself; one that the vault lacks would stop every import."""
        self.assertTrue(PERSONAL_KEYS)
        for cls, keys in PERSONAL_KEYS.items():
            self.assertLessEqual(set(keys), set(CLASSES[cls]), cls)

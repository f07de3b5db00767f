import secrets
from datetime import date

from odoo import api, fields, models
from odoo.exceptions import AccessError

OFFICER = "pii_retention.group_privacy_officer"
_SYLLABLES = ("ka", "ren", "vil", "mor", "tas", "el", "bru", "din", "os", "ha", "lur", "pe", "sig", "wen", "jo", "zan")


def _word(syllables):
    return "".join(secrets.choice(_SYLLABLES) for _number in range(syllables)).capitalize()


def _digits(count):
    return "".join(secrets.choice("0123456789") for _number in range(count))


class PiiSubject(models.Model):
    _inherit = "pii.subject"

    is_canary = fields.Boolean(
        string="Planted",
        readonly=True,
        copy=False,
        groups=OFFICER,
        help="Nobody has a reason to look at this customer: whoever does is searching through data.",
    )

    @api.model
    def _plant_canary(self):
        """Make a customer who never was, alike the others of this company; return an action that shows it."""
        if not self.env.user.has_group(OFFICER):
            raise AccessError(self.env._("Only a privacy officer plants a customer."))
        # sudo: the newest customer shows what a reference looks like
        example = self.sudo().search([("company_id", "=", self.env.company.id), ("is_canary", "=", False)], limit=1)
        pattern = example.reference or "100-0000000-0000000"
        reference = "".join(_digits(1) if letter.isdigit() else letter for letter in pattern)
        first, last = _word(2), _word(3)
        place = {"street": f"{_word(3)} {_digits(2)}", "zip": _digits(5), "city": _word(3)}
        subject = self._seal_many(
            [
                {
                    "company_id": self.env.company.id,
                    "origin": example.origin or "shop",
                    "reference": reference,
                    "country_id": example.country_id.id or self.env.company.country_id.id,
                    "start": date.today(),
                    "values": {
                        "operational": {
                            "name": f"{first} {last}",
                            **place,
                            "email": f"{first}.{last}@example.com".lower(),
                            "phone": f"+49 30 {_digits(8)}",
                        },
                        "fiscal": {"name": f"{first} {last}", **place},
                    },
                }
            ]
        )
        subject.sudo().is_canary = True  # sudo: subjects are written by the server only; the officer was checked
        subject._ensure_partners()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Planted Customer"),
            "res_model": "pii.subject",
            "res_id": subject.id,
            "view_mode": "form",
            "views": [(False, "form")],
        }

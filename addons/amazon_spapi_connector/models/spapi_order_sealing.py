from __future__ import annotations

from collections.abc import Container

from odoo import api, fields, models

from ..mapping.incoming import Incoming

ORIGIN = "amazon"


class SpapiOrder(models.Model):
    """The buyers of a page go into the vault; what of a payload cannot be understood goes there as well."""

    _inherit = "spapi.order"

    @api.model
    def _seal(self, account, page: list[Incoming], countries: dict[str, int], known: Container[str] = ()) -> dict:
        """``{key: subject}`` of the orders that brought something to seal. An absent buyer erases nothing.

        :param known: keys of orders that have a buyer already
        """
        wanted = []
        erased = self._erased(account, page)
        for incoming in page:
            if incoming.order and incoming.order.status == "CANCELLED":
                # nothing to ship and nothing to invoice: there is no purpose to keep the person for
                continue
            values = incoming.sealed_values()
            if incoming.key in known and incoming.readable and "RECIPIENT" not in incoming.asked:
                # A gift message or a reason that came alone: sealing it would replace the address it belongs to. It
                # comes again with the search for the orders to ship, with the whole person.
                values = {name: texts for name, texts in values.items() if name == "quarantine"}
            # an erased buyer gets the row that the order needs, without data, whether or not Amazon still sends any
            if any(values.values()) or incoming.key in erased:
                wanted.append((incoming.key, self._subject_values(account, incoming, values, countries)))
        subjects = self.env["pii.subject"]._seal_many([vals for _key, vals in wanted])
        return {key: subject for (key, _vals), subject in zip(wanted, subjects, strict=True)}

    @api.model
    def _tell_clock(self, todo: list[tuple[Incoming, models.Model]]) -> None:
        """Pass on what became of orders whose buyer is sealed already: nothing of him came with this news."""
        for incoming, order in todo:
            for event, moment in incoming.facts.items() if order.subject_id else ():
                order.subject_id._record(event, moment)

    @api.model
    def _erased(self, account, page: list[Incoming]) -> set[str]:
        """Keys of the orders whose buyer was erased: Amazon sends orders again long after that."""
        return self.env["pii.subject"]._tombstoned(
            account.company_id, ORIGIN, [incoming.key for incoming in page if incoming.readable]
        )

    @api.model
    def _subject_values(self, account, incoming: Incoming, values: dict, countries: dict[str, int]) -> dict:
        order = incoming.order
        return {
            "company_id": account.company_id.id,
            "origin": ORIGIN,
            "reference": incoming.key if incoming.readable else f"quarantine/{incoming.key}",
            "country_id": countries.get(order.country_code, False) if order else False,
            # what cannot be read, or not used, is counted from the day on which it came
            "start": (order and incoming.created) or fields.Datetime.now(),
            "facts": incoming.facts,
            "values": values,
        }

from types import MappingProxyType

from odoo import api, models, tools
from odoo.exceptions import AccessError, UserError, ValidationError

from .. import policies
from ..crypto import CryptoError
from ..figures import CATALOGUE, is_looser, is_possible

KINDS = ("integer", "boolean", "selection")


class PiiPolicy(models.Model):
    _inherit = "pii.policy"

    # === IN FORCE === #

    @api.model
    def _figures(self, company_id):
        """Return ``{field: figure}`` that binds a company, from memory; each reveal asks for it.

        It cannot be written to. When the key store cannot be asked which changes are genuine, the strict defaults bind.
        """
        try:
            return self._figures_agreed(company_id)
        except (CryptoError, UserError):
            policy = self._of_company(self.env["res.company"].browse(company_id))
            return MappingProxyType(policies.strictly(policy._written()).values)

    @api.model
    @tools.ormcache("company_id")
    def _figures_agreed(self, company_id):
        company = self.env["res.company"].browse(company_id)
        return MappingProxyType(policies.in_force(company, self._of_company(company)._written()).values)

    def _written(self):
        """Return ``{field: figure}`` as it is written down, whether or not it counts."""
        self.ensure_one()
        return {
            name: self[name]
            for name, field in self._fields.items()
            if field.store and field.type in KINDS and name != "id"
        }

    @api.model
    def _figure_at(self, company, name, moment):
        """Return the figure that was in force for ``company`` at ``moment`` (naive UTC), as the history says."""
        figure = CATALOGUE[name]
        changes = self.env["pii.policy.change"].sudo()  # sudo: the history of what binds everybody
        found = changes.search(
            [("company_id", "=", company.id), ("figure", "=", name), ("state", "=", "applied")], order="number, id"
        ).filtered(lambda change: policies.is_genuine(change))
        earlier = found.filtered(lambda change: change.in_force_from <= moment)
        if earlier:
            return policies.from_text(figure, earlier[-1].after)
        if found:
            return policies.from_text(figure, found[0].before)
        return self._figures(company.id)[name]

    # === WRITING === #

    def write(self, vals):
        """Write figures that protect more, and put each into the history; refuse the others.

        :raise UserError: a figure would protect less than what is in force and was not agreed on
        :raise ValidationError: a figure is beyond what anybody may allow
        """
        if "company_id" in vals and any(policy.company_id.id != vals["company_id"] for policy in self):
            raise UserError(self.env._("A policy stays with its company."))
        for policy in self if CATALOGUE.keys() & vals.keys() else ():
            policy._judge({name: vals[name] for name in vals if name in CATALOGUE})
        result = super().write(vals)
        if CATALOGUE.keys() & vals.keys():
            # sudo: the clocks of duties follow the policy, whoever tightens it
            duties = self.env["pii.duty"].sudo()
            duties.search([("company_id", "in", self.company_id.ids), ("done_at", "=", False)])._wind()
        return result

    def _judge(self, vals):
        """Record each change of ``vals`` that tightens; refuse what loosens without a decision."""
        self.ensure_one()
        company = self.company_id
        in_force = self._figures(company.id)
        agreed = None
        for name, value in vals.items():
            figure, before = CATALOGUE[name], in_force[name]
            value = self._fields[name].convert_to_cache(value, self)
            self._check_possible(figure, value)
            if value == before:
                continue
            if not is_looser(figure, value, before):
                self.env["pii.policy.change"]._tighten(company, name, value)
                continue
            if agreed is None:
                agreed = policies.in_force(company, {**self._written(), **vals}).values
            if agreed[name] != value:
                raise UserError(
                    self.env._(
                        "“%(figure)s” cannot be loosened from %(before)s to %(after)s by writing it. Press “Change…” "
                        "under Privacy, Configuration, Policy: another privacy officer approves it.",
                        figure=self._title(name),
                        before=self._shown(name, before),
                        after=self._shown(name, value),
                    )
                )

    @api.model
    def _check_possible(self, figure, value):
        if is_possible(figure, value):
            return
        if figure.direction == "fixed":
            raise ValidationError(self.env._("“%s” is built in and is not changed.", self._title(figure.name)))
        if figure.least is not None and figure.most is not None:
            text = self.env._(
                "“%(figure)s” lies between %(least)s and %(most)s (%(bound)s). Choose a value in between.",
                figure=self._title(figure.name),
                least=figure.least,
                most=figure.most,
                bound=figure.bound,
            )
        elif figure.least is not None:
            text = self.env._(
                "“%(figure)s” is at least %(least)s. Choose a greater value.",
                figure=self._title(figure.name),
                least=figure.least,
            )
        else:
            text = self.env._("“%s” has no such value.", self._title(figure.name))
        raise ValidationError(text)

    def _ask(self, name, value, reason=None):
        """Change one figure: at once if that protects more, else as a request that another officer decides about.

        :param reason: required to loosen
        :return: the ``pii.policy.change``
        :raise AccessError: whoever asks may not
        """
        self.ensure_one()
        self.check_access("write")
        company = self.company_id
        figure = CATALOGUE.get(name)
        if figure is None or name not in self._fields:
            raise UserError(self.env._("There is no such figure in the policy."))
        value = self._fields[name].convert_to_cache(value, self)
        self._check_possible(figure, value)
        before = self._figures(company.id)[name]
        if value == before:
            raise UserError(self.env._("%s is in force already.", self._shown(name, value)))
        changes = self.env["pii.policy.change"]
        if is_looser(figure, value, before):
            return changes._request(company, name, value, reason)
        change = changes._tighten(company, name, value, reason)
        self.write({name: value})
        return change

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        # sudo: counted, not shown
        if self.env["pii.policy.change"].sudo().search_count([("company_id", "in", self.company_id.ids)], limit=1):
            raise AccessError(self.env._("A policy with a history stays."))

    # === LINES === #

    @api.model_create_multi
    def create(self, vals_list):
        created = super().create(vals_list)
        created._ensure_lines()
        return created

    def _ensure_lines(self):
        """Give each policy a line for each figure that is installed."""
        lines = self.env["pii.policy.figure"]
        known = {(line.policy_id.id, line.name): line for line in lines.search([("policy_id", "in", self.ids)])}
        for policy in self:
            for sequence, figure in enumerate(CATALOGUE.values()):
                if figure.direction != "fixed" and figure.name not in self._fields:
                    continue
                place = {"topic": figure.topic, "sequence": sequence}
                if line := known.get((policy.id, figure.name)):
                    if any(line[name] != value for name, value in place.items()):
                        line.write(place)
                else:
                    lines.create({"policy_id": policy.id, "name": figure.name, **place})

    # === WORDS === #

    @api.model
    def _title(self, name):
        """Return the heading of a figure, without the unit that columns carry."""
        if name in self._fields:
            return self._fields[name]._description_string(self.env).partition(" (")[0]
        return {
            "encryption_bits": self.env._("Data at rest is encrypted with"),
            "password_classes": self.env._("A password has characters of"),
        }.get(name, name)

    @api.model
    def _shown(self, name, value):
        """Return a value of a figure with its unit."""
        if value is None:
            return self.env._("a fact of the company")
        if isinstance(value, bool):
            return self.env._("Yes") if value else self.env._("No")
        field = self._fields.get(name)
        if field is not None and field.type == "selection":
            return dict(field._description_selection(self.env)).get(value, value)
        return f"{value} {CATALOGUE[name].unit}".strip()

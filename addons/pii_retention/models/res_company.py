from uuid import uuid4

from odoo import api, fields, models

from .. import calendar, clock


class ResCompany(models.Model):
    _inherit = "res.company"

    pii_domain = fields.Char(
        string="Key Domain",
        default=lambda self: str(uuid4()),
        copy=False,
        readonly=True,
        required=True,
        prefetch=False,  # each reveal reads it, and nothing else of the company
        groups="base.group_system",
        help="Random identifier under which this company's keys are kept. It is bound into every sealed value, "
        "so that one company's data never opens with another's key.",
    )

    _pii_domain_unique = models.UniqueIndex("(pii_domain)", "Two companies never share a key domain.")

    def _init_column(self, column_name):
        # the default of a new column is computed once for all rows; here each company needs its own
        if column_name == "pii_domain":
            self.env.cr.execute("UPDATE res_company SET pii_domain = gen_random_uuid()::text WHERE pii_domain IS NULL")
            return
        super()._init_column(column_name)

    @api.model_create_multi
    def create(self, vals_list):
        companies = super().create(vals_list)
        self.env["pii.policy"].sudo()._ensure_all()  # sudo: whoever may make a company; the figures are the defaults
        self.env["pii.duty"].sudo()._ensure_all()  # sudo: likewise
        return companies

    def _pii_policy(self):
        """Return the figures (``pii.policy``) that bind this company."""
        self.ensure_one()
        return self.env["pii.policy"]._of_company(self)

    def _pii_figure(self, name):
        """Return one figure of the policy that binds this company, from memory; ``name`` is a field of the policy."""
        self.ensure_one()
        return self.env["pii.policy"]._figures(self.id)[name]

    def _pii_day(self, moment=None):
        """Return the calendar day that it is for this company at ``moment`` (naive UTC or aware; None: now)."""
        return calendar.day_at(moment or fields.Datetime.now(), self._pii_figure("tz"))

    def _pii_clock_figures(self):
        """Return what the policy says about until when data is kept (:class:`clock.Figures`)."""
        return clock.Figures(
            self._pii_figure("retention_days"), self._pii_figure("open_days"), self._pii_figure("retention_anchor")
        )

    def _pii_domain(self):
        """Return this company's key domain (a UUID in text)."""
        self.ensure_one()
        # sudo: the domain is no secret, but only administrators have a reason to look at the field
        return self.sudo().pii_domain

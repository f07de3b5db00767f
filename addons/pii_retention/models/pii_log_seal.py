import logging

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

from .. import keys
from ..access_log import base, daily, guard, writer

_logger = logging.getLogger(__name__)


class PiiLogSeal(models.Model):
    """A statement about a stretch of the access log, kept here and beside the keys (``access_log/sealing.py``)."""

    _name = "pii.log.seal"
    _description = "Seal of the Access Log"
    _order = "id desc"
    _rec_name = "day"
    _log_access = False
    _allow_sudo_commands = False

    at = fields.Datetime(string="Sealed on", required=True, readonly=True)
    kind = fields.Selection(
        [("start", "Beginning"), ("day", "Day"), ("expired", "Deleted after its time"), ("break", "Rows were lost")],
        required=True,
        readonly=True,
    )
    chain = fields.Char(required=True, readonly=True)
    database = fields.Char(readonly=True)
    day = fields.Date(readonly=True, index=True)
    first_row = fields.Integer(required=True, readonly=True, aggregator=None)
    last_row = fields.Integer(required=True, readonly=True, aggregator=None)
    row_count = fields.Integer(string="Rows", required=True, readonly=True)
    last_mac = fields.Char(string="Seal of the Last Row", required=True, readonly=True)
    previous_mac = fields.Char(string="Previous Seal", required=True, readonly=True)
    mac = fields.Char(string="Seal", required=True, readonly=True)

    def init(self):
        super().init()
        guard.install(self.env.cr, self._table)

    @api.model_create_multi
    def create(self, vals_list):  # pylint: disable=method-required-super
        raise UserError(self.env._("Seals of the access log are made by the server only."))

    def write(self, vals):  # pylint: disable=method-required-super
        raise UserError(self.env._("Seals of the access log cannot be changed."))

    def unlink(self):  # pylint: disable=method-required-super
        raise UserError(self.env._("Seals of the access log cannot be deleted."))

    # === DAILY === #

    @api.model
    def _cron_daily(self):
        """Seal the days that have ended, then let go of what is older than the retention, a day at a time."""
        with writer.cursor(self.env) as cr:
            env = base.own_env(cr)
            daily.seal_days(env, keys.keyring(env))
        while self._expire_day():
            if not self.env["ir.cron"]._commit_progress(1):
                return

    @api.model
    def _expire_day(self):
        """Delete the oldest day when it is past the retention; return its mark, or None."""
        with writer.cursor(self.env) as cr:
            env = base.own_env(cr)
            before = base.now(cr) - relativedelta(months=self._months(env))
            mark = daily.expire_day(env, keys.keyring(env), before)
        if mark:
            _logger.info("Access log: %s rows of %s were deleted after their time.", mark.row_count, mark.day)
        return mark

    @api.model
    def _months(self, env):
        """Return for how many months rows are kept: the longest that any company's policy asks for."""
        companies = env["pii.policy"].search([]).company_id or env.company
        return max(company._pii_figure("log_months") for company in companies)

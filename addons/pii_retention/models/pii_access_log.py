from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, Query

from ..access_log import guard
from ..purposes import SELECTION

CAUSES = [
    ("purpose", "Unknown purpose"),
    ("no_role", "No role"),
    ("no_grant", "No grant"),
    ("no_mfa", "No second factor"),
    ("password", "Password to be changed"),
    ("api_key", "Remote call"),
    ("impersonation", "In somebody else's name"),
    ("company", "Another company"),
    ("rate", "Too many in a time"),
    ("volume", "Too many at once"),
    ("reason", "No proper reason"),
    ("suspended", "Access suspended"),
    ("evaluated", "Typed code"),
    ("canary", "Planted customer"),
    ("expired", "Past its day"),
]


class PiiAccessLog(models.Model):
    """Who opened, or was refused, whose data, when and for what; nothing personal of customers.

    Rows are chained and sealed (``access_log/chain.py``); their id is their number in the chain. PostgreSQL refuses to
    change them (``access_log/guard.py``).
    """

    _name = "pii.access.log"
    _description = "Access to Personal Data"
    _order = "id desc"
    _rec_name = "subject_uuid"
    # rows outlive users, companies and subjects, and are written while those may not be committed yet:
    # plain ids, no foreign keys, no create_uid
    _log_access = False
    _allow_sudo_commands = False

    at = fields.Datetime(string="When", required=True, readonly=True, index=True)
    user_ref = fields.Integer(string="User ID", required=True, readonly=True, aggregator=None)
    user_id = fields.Many2one("res.users", string="Who", compute="_compute_links", search="_search_user_id")
    acting_ref = fields.Integer(
        string="In the Name of (ID)",
        readonly=True,
        aggregator=None,
        help="Whose rights the code claimed.",
    )
    acting_id = fields.Many2one("res.users", string="In the Name of", compute="_compute_links")
    company_ref = fields.Integer(string="Company ID", readonly=True, aggregator=None)
    company_id = fields.Many2one("res.company", compute="_compute_links")
    subject_uuid = fields.Char(string="Subject", readonly=True)
    reference = fields.Char(readonly=True, help="The order or document of the subject; never a name.")
    classes = fields.Char(readonly=True)
    purpose = fields.Selection(SELECTION, readonly=True)
    reason = fields.Char(readonly=True)
    document = fields.Char(readonly=True, help="What was shown or printed.")
    channel = fields.Selection(
        [("web", "Browser"), ("rpc", "Remote call"), ("server", "Scheduled work"), ("http", "Browser (older)")],
        readonly=True,
    )
    session = fields.Char(readonly=True, help="Fingerprint of the web session.")
    address = fields.Char(string="Network Address", readonly=True)
    outcome = fields.Selection(
        [
            ("opened", "Opened"),
            ("refused", "Refused"),
            ("failed", "Failed"),
            ("empty", "Nothing held"),
            ("corrected", "Corrected"),
        ],
        required=True,
        readonly=True,
    )
    cause = fields.Selection(CAUSES, string="Refused because", readonly=True)
    grant_ref = fields.Integer(string="Grant ID", readonly=True, aggregator=None)
    previous_mac = fields.Char(string="Seal of the Row before", readonly=True)
    mac = fields.Char(string="Seal", readonly=True)

    # rate limits count the rows of a user in the last hour and day
    _user_idx = models.Index("(user_ref, at)")
    _subject_idx = models.Index("(subject_uuid, at)")

    def init(self):
        super().init()
        guard.install(self.env.cr, self._table)

    # === LINKS === #

    @api.depends("user_ref", "acting_ref", "company_ref")
    def _compute_links(self):
        refs = set(self.mapped("user_ref")) | set(self.mapped("acting_ref"))
        users = self.env["res.users"].with_context(active_test=False).browse(refs - {0}).exists()
        companies = self.env["res.company"].browse(set(self.mapped("company_ref")) - {0}).exists()
        for row in self:
            row.user_id = row.user_ref if row.user_ref in users._ids else False
            row.acting_id = row.acting_ref if row.acting_ref in users._ids else False
            row.company_id = row.company_ref if row.company_ref in companies._ids else False

    def _search_user_id(self, operator, value):
        if operator == "any" and not isinstance(value, Query):
            value = self.env["res.users"].with_context(active_test=False)._search(value)
        elif operator not in ("in", "any"):
            return NotImplemented
        return [("user_ref", "in", [item for item in value if isinstance(item, int) and item])]

    def _field_to_sql(self, alias, field_expr, query=None):
        # users and companies that are still there can be grouped by, without a foreign key that would keep them
        link = {"user_id": ("user_ref", "res_users"), "company_id": ("company_ref", "res_company")}.get(field_expr)
        if link is None or query is None:
            return super()._field_to_sql(alias, field_expr, query)
        self._check_field_access(self._fields[field_expr], "read")
        column, table = link
        joined = query.left_join(alias, column, table, "id", f"{column}_link")
        return SQL.identifier(joined, "id")

    def action_verify(self):
        """Check the whole log and show the result."""
        return self.env["pii.log.check"].action_verify()

    # === NOBODY WRITES === #

    @api.model_create_multi
    def create(self, vals_list):  # pylint: disable=method-required-super
        raise UserError(self.env._("The access log is written by the reveal only."))

    def write(self, vals):  # pylint: disable=method-required-super
        raise UserError(self.env._("The access log cannot be changed."))

    def unlink(self):  # pylint: disable=method-required-super
        raise UserError(self.env._("The access log cannot be deleted."))

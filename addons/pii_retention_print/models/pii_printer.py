from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError

from odoo.addons.pii_retention import channel, keys

from .. import devices, messages
from ..ipp import AddressError, address

OFFICER = "pii_retention.group_privacy_officer"
MANAGER = "base.group_system"
#: What a release covers: who changes one of these needs a new one.
TERMS = {"uri", "allow_network", "fingerprint", "company_id"}


class PiiPrinter(models.Model):
    """A printer or queue that labels and delivery slips go to, over IPP.

    An administrator sets it up; a privacy officer releases it, because it receives personal data.
    """

    _name = "pii.printer"
    _description = "Printer for Personal Data"
    _inherit = ["mail.thread"]
    _order = "sequence, name, id"
    _allow_sudo_commands = False

    name = fields.Char(required=True, tracking=True, help="As people call it: the packing table, the room.")
    active = fields.Boolean(default=True, tracking=True)
    sequence = fields.Integer(default=10)
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company, index=True)
    uri = fields.Char(
        string="Address",
        required=True,
        tracking=True,
        help="ipps://printer.example:631/ipp/print, or a queue of a CUPS server: ipp://localhost:631/printers/NAME.",
    )
    allow_network = fields.Boolean(
        string="Unencrypted in the Internal Network",
        tracking=True,
        copy=False,
        help="Documents travel in clear to ipp:// addresses of a private network: whoever is in that network can read "
        "them. Only a privacy officer allows that, for printers that cannot do better.",
    )
    fingerprint = fields.Char(
        string="Certificate Fingerprint",
        tracking=True,
        copy=False,
        help="SHA-256 of the certificate that this ipps:// printer shows, for certificates that no authority signed. "
        "Empty: authorities decide.",
    )
    username = fields.Char(groups=MANAGER, help="For printers that ask for one.")
    password = fields.Char(
        compute="_compute_password",
        readonly=False,
        store=False,
        groups=MANAGER,
        copy=False,
        help="Write only: it is sealed when saved and never shown again.",
    )
    password_sealed = fields.Char(groups=fields.NO_ACCESS, copy=False, prefetch=False)
    has_password = fields.Boolean(compute="_compute_has_password", compute_sudo=True, string="Password Stored")
    release_seal = fields.Char(groups=fields.NO_ACCESS, copy=False, prefetch=False)
    released_by_id = fields.Many2one("res.users", readonly=True, copy=False, tracking=True)
    released_at = fields.Datetime(readonly=True, copy=False)
    is_released = fields.Boolean(
        string="Released", compute="_compute_is_released", store=True, tracking=True, help="Only then it prints."
    )
    can_release = fields.Boolean(compute="_compute_can_release")
    rule_ids = fields.One2many("pii.printer.rule", "printer_id", string="Default For")
    job_ids = fields.One2many("pii.print.job", "printer_id")
    media = fields.Char(
        string="Paper", help="IPP name of the size, such as iso_a4_210x297mm. Empty: what the printer holds."
    )
    documents_per_part = fields.Integer(
        default=1,
        required=True,
        help="Longer batches are rendered and sent in parts of so many documents. More than one at a time needs the "
        "wkhtmltopdf that its authors build; Debian's own cannot join documents.",
    )
    connect_seconds = fields.Integer(string="Connect Within (s)", default=5, required=True)
    total_seconds = fields.Integer(
        string="Answer Within (s)", default=60, required=True, help="For one request, with the document in it."
    )
    busy_seconds = fields.Integer(
        string="When Busy, Try Again After (s)", default=5, required=True, help="While a person's batch is printing."
    )
    job_days = fields.Integer(
        string="Keep Print Jobs (days)", default=30, required=True, help="Rows of finished jobs; they hold no content."
    )

    _figures = models.Constraint(
        "CHECK (documents_per_part > 0 AND connect_seconds > 0 AND total_seconds > 0 AND busy_seconds > 0 "
        "AND job_days > 0)",
        "The figures of a printer are greater than zero.",
    )

    # === COMPUTE METHODS === #

    @api.depends_context("uid")
    def _compute_password(self):
        """Always empty: what was typed is sealed, and nothing reads it back."""
        self.password = False

    @api.depends("password_sealed")
    def _compute_has_password(self):
        for printer in self:
            printer.has_password = bool(printer.password_sealed)

    @api.depends("released_by_id")
    def _compute_is_released(self):
        for printer in self:
            printer.is_released = bool(printer.released_by_id)

    @api.depends_context("uid")
    def _compute_can_release(self):
        self.can_release = self.env.user.has_group(OFFICER)

    @api.constrains("uri", "allow_network")
    def _check_uri(self):
        for printer in self:
            try:
                address.check(address.parse(printer.uri), printer.allow_network)
            except AddressError as error:
                raise ValidationError(messages.address_sentence(self.env, error.code)) from None

    @api.constrains("fingerprint")
    def _check_fingerprint(self):
        for printer in self.filtered("fingerprint"):
            digits = printer.fingerprint.replace(":", "").strip()
            try:
                known = len(bytes.fromhex(digits)) == 32
            except ValueError:
                known = False
            if not known:
                raise ValidationError(self.env._("A SHA-256 fingerprint is 64 hexadecimal digits."))

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        passwords = [vals.pop("password", None) for vals in vals_list]
        for vals in vals_list:
            self._check_reserved(vals)
        printers = super().create(vals_list)
        for printer, password in zip(printers, passwords, strict=True):
            if password:
                printer._store_password(password)
        return printers

    def write(self, vals):
        self._check_reserved(vals)
        password = vals.get("password")
        changes_password = "password" in vals
        if changes_password:
            self.check_access("write")
            vals = {name: value for name, value in vals.items() if name != "password"}
        moved = self.filtered(lambda printer: printer._moves(vals, TERMS))
        elsewhere = self.filtered(lambda printer: printer._moves(vals, {"uri", "company_id"}))
        result = super().write(vals)
        if moved:
            # sudo: whoever moves a printer ends its release, which only an officer gives
            moved.sudo().write({"release_seal": False, "released_by_id": False, "released_at": False})
        if elsewhere:
            # sudo: a password is not sent to another place than the one it was entered for
            elsewhere.sudo().write({"password_sealed": False})
        if changes_password:
            for printer in self:
                printer._store_password(password)
        return result

    def _moves(self, vals, names):
        """Tell whether writing ``vals`` changes one of these fields."""
        return any(
            name in vals and self._fields[name].convert_to_write(self[name], self) != vals[name] for name in names
        )

    def _check_reserved(self, vals):
        """Refuse what an officer decides from anybody else.

        :raise AccessError:
        """
        if not self.env.su and {"released_by_id", "released_at", "is_released", "release_seal"} & vals.keys():
            raise AccessError(self.env._("A privacy officer releases a printer with the button."))
        if vals.get("allow_network") and not self.env.su and not self.env.user.has_group(OFFICER):
            raise AccessError(self.env._("Only a privacy officer allows unencrypted printing in the network."))

    def _store_password(self, password):
        """Seal a password for this printer; empty removes it."""
        known = self.sudo()  # sudo: the sealed value is closed to everybody
        known.password_sealed = password and keys.seal_secret(known.company_id, devices.password_name(known), password)

    # === RELEASE === #

    def action_release(self):
        """Release printers for personal data, at the address that they have now: an officer, in person."""
        if not channel.in_person(self.env):
            raise AccessError(self.env._("A privacy officer releases printers in person, signed in to Odoo."))
        if not self.env.user.has_group(OFFICER):
            raise AccessError(self.env._("Only a privacy officer releases a printer for personal data."))
        self.check_access("read")
        for printer in self:
            # sudo: a release is not written by hand; who decides was checked above
            printer.sudo().write({"released_by_id": self.env.uid, "released_at": fields.Datetime.now()})
            devices.seal_release(printer)
        return True

    def action_withdraw(self):
        """End the release; nothing is printed there from now on."""
        if not self.env.user.has_group(OFFICER) and not self.env.user.has_group(MANAGER):
            raise AccessError(self.env._("A privacy officer or an administrator withdraws a printer."))
        self.check_access("read")
        # sudo: as in action_release
        self.sudo().write({"release_seal": False, "released_by_id": False, "released_at": False})
        return True

    # === CHOICE === #

    @api.model
    def _usable(self):
        """Return the released printers of the companies that the person works in now."""
        printers = self.search([("company_id", "in", self.env.companies.ids), ("is_released", "=", True)])
        return printers.filtered(devices.is_released)

    @api.model
    def _default_for(self, report):
        """Return the printer for a report (empty recordset: for files) and the person, empty if nothing decides it.

        The narrowest rule wins; then the person's own choice, then the rule for everything, then the only printer.
        """
        usable = self._usable()
        rules = self.env["pii.printer.rule"].search([("printer_id", "in", usable.ids)])
        for user, wanted in ((self.env.user, report), (None, report)):
            found = rules.filtered(
                lambda rule, user=user, wanted=wanted: (
                    wanted and rule.report_id == wanted and (rule.user_id == user if user else not rule.user_id)
                )
            )
            if found:
                return found[0].printer_id
        own = self.env.user.pii_printer_id
        if own in usable:
            return own
        for user in (self.env.user, self.env["res.users"]):
            found = rules.filtered(lambda rule, user=user: not rule.report_id and rule.user_id == user)
            if found:
                return found[0].printer_id
        return usable if len(usable) == 1 else self.browse()

    def _sole(self):
        if len(self) != 1:
            raise UserError(self.env._("Choose one printer."))
        return self

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.http import request

from odoo.addons.pii_retention import channel

from .. import jobs, printing
from .pii_printer import MANAGER, OFFICER


class IrActionsReport(models.Model):
    _inherit = "ir.actions.report"

    pii_output = fields.Selection(
        [("printer", "Printer"), ("download", "Download")],
        string="Personal Data Output",
        compute="_compute_pii_output",
        store=True,
        readonly=False,
        help="Printer: documents of protected customers go from the server to a printer; downloading them needs "
        "break-glass. A privacy officer decides about downloads of labels and delivery slips.",
    )

    @api.depends("pii_purpose")
    def _compute_pii_output(self):
        for report in self:
            report.pii_output = "printer" if report.pii_purpose == "label" else "download"

    def write(self, vals):
        if "pii_output" in vals and vals["pii_output"] != "printer" and not self.env.su:
            labels = self.filtered(lambda report: report.pii_purpose == "label")
            if labels and not self.env.user.has_group(OFFICER):
                raise AccessError(self.env._("Only a privacy officer lets labels and delivery slips be downloaded."))
        return super().write(vals)

    def _get_readable_fields(self):
        return super()._get_readable_fields() | {"pii_output"}

    def report_action(self, docids, data=None, config=True):
        action = super().report_action(docids, data=data, config=config)
        target = action if action.get("type") == "ir.actions.report" else action.get("context", {}).get("report_action")
        if isinstance(target, dict) and self.pii_output:
            target["pii_output"] = self.pii_output
        return action

    # === PRINTING === #

    @api.model
    def pii_print_prepare(self, report_name, res_ids, printer_id=False, has_options=False):
        """Tell the web client how this report of these records is to be had.

        ``{"kind": "ordinary"}`` and ``{"kind": "download"}``: as any report; ``{"kind": "job", "job_id", …}``: call
        ``pii.print.job.print_next`` until nothing waits; ``{"kind": "action", "action"}``: a person has to choose;
        ``{"kind": "none", "message", "action"}``: there is no printer.
        """
        report = self._get_report_from_name(report_name)
        subjects = self._pii_printer_subjects(report, res_ids)
        if not subjects:
            return {"kind": "ordinary"}
        records = self.env[report.model].browse(res_ids)
        records.check_access("read")
        if report.group_ids and not report.group_ids & self.env.user.all_group_ids:
            raise AccessError(self.env._("You may not print “%s”.", report.name))
        printers = self.env["pii.printer"]
        printer = printers.browse(printer_id) if printer_id else printers._default_for(report.sudo(False))
        if not printer:
            return self._pii_no_printer(report, res_ids, subjects, has_options)
        plan = jobs.Plan(report.model, tuple(res_ids), report.pii_purpose, len(subjects), report.id, bool(has_options))
        job_id = jobs.start(self.env, printer, plan)
        return {"kind": "job", "can_download": self._pii_may_download(report, subjects)} | jobs.progress(
            self.env, job_id
        )

    def _pii_no_printer(self, report, res_ids, subjects, has_options):
        """Return what `pii_print_prepare` answers where nothing decides about the printer."""
        if self._pii_may_download(report, subjects):
            return {"kind": "download"}
        if self.env["pii.printer"]._usable() and not has_options:
            choice = self.env["pii.print.choice"].create({"report_id": report.id, "res_ids": res_ids})
            return {
                "kind": "action",
                "action": {
                    "type": "ir.actions.act_window",
                    "name": self.env._("Choose a Printer"),
                    "res_model": choice._name,
                    "res_id": choice.id,
                    "views": [[False, "form"]],
                    "target": "new",
                },
            }
        action = False
        if self.env.user.has_group(MANAGER) or self.env.user.has_group(OFFICER):
            action = self.env["ir.actions.actions"]._for_xml_id("pii_retention_print.pii_printer_action")
            message = self.env._(
                "This document shows a customer's personal data and goes to a printer, not into a file. No printer is "
                "set up and released yet: add one, and let a privacy officer release it."
            )
        else:
            message = self.env._(
                "This document shows a customer's personal data and goes to a printer, not into a file. No printer is "
                "set up for it: ask your administrator, or break the glass on the customer's card if it cannot wait."
            )
        return {"kind": "none", "message": message, "action": action}

    def _pii_printer_subjects(self, report, res_ids):
        """Return the customers whose data a report that goes to a printer shows for these records."""
        subjects = self.env["pii.subject"]
        if report.pii_output != "printer" or not report.pii_purpose or not res_ids or report.model not in self.env:
            return subjects
        return self.env[report.model].browse(res_ids)._pii_subjects()

    def _pii_may_download(self, report, subjects):
        """Tell whether the person at the browser has broken the glass for these customers."""
        person = channel.caller()
        return bool(
            person.channel == channel.WEB
            and person.uid == self.env.uid
            and self.env["pii.grant"]._has_break_glass(person.uid, report.pii_purpose, subjects)
        )

    def _pii_download_refusal(self, report, res_ids):
        """Return why the person may not have these documents as a file, None if nothing speaks against it."""
        subjects = self._pii_printer_subjects(report, res_ids)
        if not subjects or self._pii_may_download(report, subjects):
            return None
        return self.env._(
            "“%s” shows customers' personal data and goes to a printer. Print it from the list or the form; if that is "
            "not possible, break the glass on the customer's card and state why you need a file.",
            report.name,
        )

    # === WHAT LEAVES BY THE BROWSER === #

    def _pii_note_rendered(self, report_ref, res_ids):
        """Remember that this request rendered what belongs on a printer; see ``ir.http``."""
        if not request or printing.is_printing():
            return
        report = self._get_report(report_ref)
        ids = [res_ids] if isinstance(res_ids, int) else list(res_ids or ())
        if report.pii_output == "printer" and self._pii_printer_subjects(report, ids):
            request.pii_rendered = [*getattr(request, "pii_rendered", ()), (report.id, ids)]

    def _pre_render_qweb_pdf(self, report_ref, res_ids=None, data=None):
        self._pii_note_rendered(report_ref, res_ids)
        return super()._pre_render_qweb_pdf(report_ref, res_ids=res_ids, data=data)

    def _render_qweb_html(self, report_ref, docids, data=None):
        self._pii_note_rendered(report_ref, docids)
        return super()._render_qweb_html(report_ref, docids, data=data)

    def _render_qweb_text(self, report_ref, docids, data=None):
        self._pii_note_rendered(report_ref, docids)
        return super()._render_qweb_text(report_ref, docids, data=data)

"""The probes of a process with a shell: all that the ORM gives, as the superuser and in everybody's name."""

#: ``result`` is ``{label: what came back}``; ``targets`` is ``{model: ids}``, ``logins`` those in whose name to try.
SHELL = """
def told(value):
    return repr(value) if not hasattr(value, "_name") else repr(value.mapped("display_name"))

def attempt(act):
    try:
        return told(act())
    except Exception as error:
        cr.rollback()
        return f"{type(error).__name__}: {error}"

def reveal(subjects, purpose):
    with subjects.reveal(purpose, reason="the customer called us") as inside:
        partners = inside["res.partner"].search([("pii_subject_id", "in", subjects.ids)])
        return [partners.mapped(name) for name in ("name", "street", "email")]

result = {}
users = {"superuser": env} | {
    login: env(user=env["res.users"].search([("login", "=", login)]).id, su=False) for login in logins
}
for who, own in users.items():
    for model, ids in targets.items():
        records = own[model].browse(ids)
        names = [name for name, field in own[model]._fields.items() if field.type != "binary"]
        texts = [name for name in names if own[model]._fields[name].type in ("char", "text", "html")]
        acts = {
            "attributes": lambda: [record[name] for record in records for name in texts],
            "attributes as sudo": lambda: [record[name] for record in records.sudo() for name in texts],
            "read": lambda: records.read(names),
            "search_read": lambda: own[model].search_read([("id", "in", ids)], names),
            "export_data": lambda: records.export_data(["id", "display_name"]),
            "display_name": lambda: records.mapped("display_name"),
            "copy_data": lambda: records[:1].copy_data(),
        }
        if model == "ir.attachment":
            acts["raw"] = lambda: records.mapped("raw")
            acts["raw as sudo"] = lambda: records.sudo().mapped("raw")
            acts["files"] = lambda: [own[model]._file_read(name) for name in records.sudo().mapped("store_fname")]
        for label, act in acts.items():
            result[f"{who}: {label} {model}"] = attempt(act)
    subjects = own["pii.subject"].browse(targets["pii.subject"])
    for purpose in ("label", "invoice", "customer_service", "legal_request", "incident", "import_decision"):
        for label, some in (("", subjects[:1]), (" as sudo", subjects[:1].sudo())):
            result[f"{who}: reveal {purpose}{label}"] = attempt(lambda: reveal(some, purpose))
    moves = own["account.move"].browse(targets["account.move"])
    for report, ids in (("stock.report_deliveryslip", targets["stock.picking"]), ("account.report_invoice", moves.ids)):
        result[f"{who}: render {report}"] = attempt(lambda: own["ir.actions.report"]._render_qweb_html(report, ids)[0])
"""

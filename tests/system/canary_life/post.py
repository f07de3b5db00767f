"""Files of every kind and mails: what comes in about a person is sealed, and what goes out is refused."""

from __future__ import annotations

import base64

from support.people import Person

from .papers import papers
from .staff import upload
from .work import DESKS, REASON, Shop

# === FILES === #


def files(shop: Shop) -> None:
    """Papers of every kind, uploaded in both ways that the web client has, and opened again."""
    shop.files = {model: [] for model in DESKS}
    made = papers(shop.values(3))
    for model, login in DESKS.items():
        person = shop.staff[login]
        record = shop.done[{"stock.picking": "pickings", "account.move": "moves", "sale.order": "sales"}[model]][1]
        for name, content in made.items():
            shop.files[model].append(upload(person, model, record, name, content))
            vals = {"name": name, "datas": base64.b64encode(content).decode(), "res_model": model, "res_id": record}
            shop.files[model].extend(person.call("ir.attachment", "create", [vals]))
        person.call(model, "message_post", [record], body="See the files.", attachment_ids=shop.files[model][:2])
        _open_files(shop, person, model, made)
    warehouse = shop.staff["warehouse"]
    printable = [shop.files["stock.picking"][2 * list(made).index(name)] for name in ("label.pdf", "label.png")]
    # what is not the printer's format is refused, what is comes out
    warehouse.call("res.users", "write", [warehouse.uid], {"pii_printer_id": shop.printers["documents"]})
    warehouse.call("ir.attachment", "action_pii_print", printable)
    warehouse.call("res.users", "write", [warehouse.uid], {"pii_printer_id": shop.printers["labels"]})
    label = shop.files["stock.picking"][2 * list(made).index("label.zpl")]
    warehouse.call("ir.attachment", "action_pii_print", [label])


def _open_files(shop: Shop, person: Person, model: str, made: dict[str, bytes]) -> None:
    token = person.csrf()
    contents = list(made.values())
    for number, one in enumerate(shop.files[model]):
        if model == "sale.order":  # of the shipment, and care answers one customer: the purpose is stated
            form = {"purpose": "customer_service", "reason": REASON, "csrf_token": token}
            answer = person.post(f"/pii/file/{one}", form)
        else:
            answer = person.get(f"/web/content/{one}?download=1")
        assert answer.body == contents[number // 2], f"{model}: file {number} is {answer.status} {answer.text[:200]}"
        assert answer.headers["cache-control"] == "no-store"
    person.get(f"/web/image/{shop.files[model][6]}/64x64")
    person.get(f"/mail/attachment/pdf_first_page/{shop.files[model][2]}")
    form = {"file_ids": ",".join(map(str, shop.files[model])), "zip_name": "all.zip", "csrf_token": token}
    answer = person.post("/mail/attachment/zip", form)
    if model != "sale.order":
        shop.shows(answer.body, f"zip of {model}", "name", "street", "city")
    # cut short or moved, it opens no more; and what Odoo says of it is nobody's name
    shop.fails(person.call, "ir.attachment", "copy", [shop.files[model][0]])


# === MAILS === #


def mails(shop: Shop) -> None:
    """A document goes by mail to nobody; what fails on its way says nothing about whom it was for."""
    accountant = shop.staff["accountant"]
    move = shop.done["moves"][1]
    (read,) = accountant.call("account.move", "read", [move], ["partner_id"])
    sealed = shop.files["account.move"][:2]
    draft = {
        "model": "account.move",
        "res_ids": repr([move]),
        "composition_mode": "comment",
        "subject": "Your documents",
        "body": "<p>As agreed.</p>",
        "partner_ids": [(6, 0, [read["partner_id"][0]])],
        "attachment_ids": [(6, 0, sealed)],
    }
    composer = accountant.call("mail.compose.message", "create", draft)
    shop.fails(accountant.call, "mail.compose.message", "action_send_mail", [composer])
    composer = accountant.call("mail.compose.message", "create", {**draft, "partner_ids": [(6, 0, [])]})
    accountant.call("mail.compose.message", "action_send_mail", [composer])
    # without the files it goes out, and fails for want of an address
    composer = accountant.call("mail.compose.message", "create", {**draft, "attachment_ids": [(6, 0, [])]})
    accountant.call("mail.compose.message", "action_send_mail", [composer])
    shop.database.python(
        """
        mails = env["mail.mail"].create([
            {"subject": "Documents", "body_html": "<p>As agreed</p>", "email_from": "shop@example.org",
             "email_to": email, "attachment_ids": [(6, 0, ids)], "model": "account.move", "res_id": move}
            for email in ("nobody@127.0.0.1", False)
        ])
        mails.send()
        template = env["mail.template"].create({
            "name": "Mine", "model_id": env.ref("account.model_account_move").id,
            "partner_to": "{{ object.partner_id.id }}",
            "subject": "{{ object.partner_id.name }}", "body_html": "<p t-out='object.partner_id.street'/>",
            "report_template_ids": [(6, 0, env.ref("account.account_invoices").ids)],
        })
        try:
            template.send_mail(move, force_send=True)
        except Exception as error:
            print(type(error))
        """,
        ids=sealed,
        move=move,
    )
    shop.errors += 3

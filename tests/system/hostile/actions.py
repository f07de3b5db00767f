"""Texts that an administrator may type into server actions, automation rules and templates."""

#: On a sale order: ``record`` is one whose customer is protected, ``ids`` those of its delivery, file and subject.
#: Each tries to post what it can see into the order's own chatter, or to keep it elsewhere.
CODES: dict[str, str] = {
    "sudo": "record.message_post(body=record.sudo().partner_id.street or '')",
    "context": "record.message_post(body=record.with_context(reveal='label', pii_reveal=True).partner_id.name)",
    "with_user": "record.message_post(body=record.with_user({clerk}).partner_id.name)",
    "generator": """
block = record.partner_id.pii_subject_id.reveal('label')
inside = block.gen.send(None)
street = inside['res.partner'].browse(record.partner_id.id).street
block.gen.close()
record.message_post(body=street)
""",
    "with": """
with record.partner_id.pii_subject_id.with_user({clerk}).reveal('label') as inside:
    street = inside['res.partner'].browse(record.partner_id.id).street
record.message_post(body=street)
""",
    "render": """
html = env['ir.actions.report']._render_qweb_html('stock.report_deliveryslip', [{picking}])[0]
record.message_post(body=html)
""",
    "render an invoice": """
html = env['ir.actions.report']._render_qweb_html('account.report_invoice', [{move}])[0]
record.message_post(body=html)
""",
    "file": "record.message_post(body=str(env['ir.attachment'].sudo().browse({file}).raw))",
    "file copied": "env['ir.attachment'].sudo().browse({file}).copy({{'res_model': False, 'res_id': False}})",
    "file read": """
files = env['ir.attachment'].sudo()
record.message_post(body=str(files._file_read(files.browse({file}).store_fname)))
""",
    "seeded texts": "record.message_post(body=str(record.partner_id.pii_subject_id.sudo().read(['gift_text'])))",
    "internals": "record.message_post(body=str(env['pii.subject'].sudo().browse({subject})._open('label')))",
    "keys": "record.message_post(body=str(env['res.company'].sudo().browse(1)._pii_keyring()))",
    "import": "import odoo.addons.pii_retention.keys as keys",
    "method": "record.message_post(body=str(env['res.partner'].steal('label')))",
    "forged grant": """
grant = env['pii.grant'].sudo().create({{'user_id': env.uid, 'purpose': 'label', 'kind': 'temporary', 'reason': 'mine',
    'state': 'approved', 'requested_by_id': 1, 'decided_by_id': {officer}}})
grant.sudo().write({{'terms_seal': env['pii.grant'].sudo().search([('id', '!=', grant.id)], limit=1).terms_seal}})
record.message_post(body=str(env['res.partner'].steal('label')))
""",
    "approval": "env['pii.grant'].sudo().search([('state', '=', 'requested')]).with_user({officer}).action_approve()",
    "service": """
user = env.ref('amazon_spapi_connector.user_service')
record.message_post(body=str(env['res.partner'].with_user(user).steal('import_decision')))
""",
    "sql": "env.cr.execute('UPDATE pii_grant SET state = %s, date_end = %s WHERE state = %s', "
    "('approved', '2099-01-01', 'revoked'))",
}
#: Formulas of "update a record": what they return is written.
FORMULAS: dict[str, str] = {
    "formula": "env['ir.actions.report']._render_qweb_html('stock.report_deliveryslip', [{picking}])[0]",
    "formula of an invoice": "env['ir.actions.report']._render_qweb_html('account.report_invoice', [{move}])[0]",
    "formula of a file": "env['ir.attachment'].browse({file}).raw",
}
#: Bodies of mail templates on a sale order.
BODIES: dict[str, str] = {
    "plain": '<p t-out="object.partner_id.street"/>',
    "sudo": "<p t-out=\"object.sudo().partner_id.with_context(reveal='label').contact_address\"/>",
    "generator": '<t t-set="b" t-value="object.partner_id.pii_subject_id.reveal(\'label\')"/>'
    '<t t-set="i" t-value="b.gen.send(None)"/>'
    '<p t-out="i[\'res.partner\'].browse(object.partner_id.id).street"/><t t-set="x" t-value="b.gen.close()"/>',
    "render": "<p t-out=\"object.env['ir.actions.report']._render_qweb_html('account.report_invoice', [{move}])[0]\"/>",
}

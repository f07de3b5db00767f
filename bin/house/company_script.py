"""Runs inside Odoo (see ``odoo_script.py``): the main company becomes an Italian one with Italian books, in euro."""

company = env.ref("base.main_company")  # noqa: F821
company.write(
    {
        "name": "Demo S.r.l.",
        "country_id": env.ref("base.it").id,  # noqa: F821
        "street": "Via della Prova 1",
        "zip": "00100",
        "city": "Roma",
        "vat": "IT00000010215",
    }
)
progress(0.1, "Italian chart of accounts")  # noqa: F821
company.write({"l10n_it_codice_fiscale": "00000010215", "l10n_it_tax_system": "RF01"})
env["stock.warehouse"].search([("company_id", "=", company.id)]).write({"name": company.name})  # noqa: F821
if company.chart_template != "it":
    env["account.chart.template"].try_loading("it", company)  # noqa: F821
result = {"chart": company.chart_template, "currency": company.currency_id.name}

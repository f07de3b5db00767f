"""Scheduled work of this addon that must run: a document that is not archived in time is lost with its customer."""

from datetime import timedelta

from odoo.addons.pii_retention.watchdog import watch

watch(
    "pii_retention_account.cron_archive",
    "account.move",
    "model._cron_pii_archive()",
    longest=timedelta(days=1),
    label="Documents that a statute requires",
)

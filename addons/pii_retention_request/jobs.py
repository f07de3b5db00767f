"""Scheduled work of this addon that must run: the hours of a request count while nobody looks."""

from datetime import timedelta

from odoo.addons.pii_retention.watchdog import watch

watch(
    "pii_retention_request.cron_request_run",
    "pii.request",
    "model._cron_run()",
    longest=timedelta(minutes=10),
    label="Approved requests, carried out",
)
watch(
    "pii_retention_request.cron_request_clock",
    "pii.request",
    "model._cron_clock()",
    longest=timedelta(minutes=15),
    label="Clocks of requests",
)

"""Invented people for a neutralized copy: a staging instance to work with, in which nobody real is left.

The copy keeps its shape: the same orders, the same contacts under the same pseudonyms, one person behind each. The
people are invented (Faker, in the language of the country of delivery) and sealed through the vault like real ones,
under the copy's own key domains. The order numbers stay: they lead to a person at Amazon only.

Functions, not methods of a model: typed code must not replace people.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from odoo.exceptions import UserError
from odoo.tools import split_every

from . import clock_seals, key_settings, tombstones, transactions

#: Language and manners of the people of a country; the rest are British.
LOCALES = {
    "AT": "de_AT", "BE": "nl_BE", "CH": "de_CH", "CZ": "cs_CZ", "DE": "de_DE", "DK": "da_DK", "ES": "es_ES",
    "FI": "fi_FI", "FR": "fr_FR", "GB": "en_GB", "IE": "en_IE", "IT": "it_IT", "JP": "ja_JP", "NL": "nl_NL",
    "PL": "pl_PL", "PT": "pt_PT", "SE": "sv_SE", "TR": "tr_TR", "US": "en_US",
}  # fmt: skip
DEFAULT_LOCALE = "en_GB"
_BATCH = 200
#: One in so many is a business.
_BUSINESS = 12


@dataclass(slots=True)
class Counts:
    """How many people were invented, in how many languages."""

    people: int = 0
    locales: int = 0


class Inventor:
    """Invents people; the same seed invents the same ones."""

    def __init__(self, env, seed: int = 0) -> None:
        try:
            from faker import Faker
        except ImportError as error:
            raise UserError(
                env._("Inventing people needs the Python package Faker; install it beside Odoo.")
            ) from error
        self._make, self._seed = Faker, seed
        self._fakers: dict[str, Any] = {}

    def __len__(self) -> int:
        return len(self._fakers)

    def _faker(self, country: str | bool) -> Any:
        locale = LOCALES.get(country or "", DEFAULT_LOCALE)
        if locale not in self._fakers:
            self._fakers[locale] = self._make(locale)
            self._fakers[locale].seed_instance(f"{self._seed}/{locale}")
        return self._fakers[locale]

    def person(self, country: str | bool) -> dict[str, dict[str, str]]:
        """Return ``{class: {key: text}}`` of somebody who lives in ``country`` (ISO code)."""
        fake = self._faker(country)
        address = {
            "name": fake.name(),
            "street": fake.street_address().replace("\n", ", "),
            "zip": fake.postcode(),
            "city": fake.city(),
        }
        if fake.random_int(1, _BUSINESS) == 1:
            address["company_name"] = fake.company()
        operational = {
            **address,
            "phone": fake.phone_number(),
            "email": f"buyer-{fake.random_int(10**9, 10**10 - 1)}@marketplace.example.com",
        }
        return {"operational": operational, "fiscal": address}


def run(env, seed: int = 0) -> Counts:
    """Give every data subject of a neutralized copy an invented person. Commits as it goes; may be repeated.

    :raise UserError: this is no neutralized copy, or it calls itself production
    """
    # sudo: system parameters, no secret
    if not env["ir.config_parameter"].sudo().get_param("database.is_neutralized"):
        raise UserError(
            env._(
                "This database is not neutralized: real people are in it. Copy it, run “odoo-bin neutralize” on the "
                "copy, and then this command."
            )
        )
    if key_settings.settings().production:
        raise UserError(
            env._(
                "This instance calls itself production. Say “environment = staging” in the section [%s] of its "
                "configuration file, with a key store of its own.",
                key_settings.SECTION,
            )
        )
    inventor, counts = Inventor(env, seed), Counts()
    subjects = env["pii.subject"].sudo()  # sudo: the server's own work; nothing is read from them
    known = subjects.search([], order="id")
    for ids in split_every(_BATCH, known.ids):
        _replace(subjects.browse(ids), inventor)
        counts.people += len(ids)
        transactions.commit(env)
        env.invalidate_all()
    counts.locales = len(inventor)
    return counts


def _replace(subjects, inventor: Inventor) -> None:
    """Let the subjects live again, as somebody else."""
    wanted = []
    for subject in subjects:
        company = subject.company_id
        today = company._pii_day()
        uuid = tombstones.subject_uuid(company._pii_domain(), subject.origin, subject.reference)
        # as if the order had come today: the clock of the copy begins anew
        facts = subject._clock_news(company, {"start": today}, subject._clock_facts().__class__())
        subject.uuid = uuid
        clock_seals.write(
            subject,
            {
                **subject._erased_columns(),
                **subject._clock_columns(facts),
                "state": "live",
                "deadline": today + timedelta(days=company._pii_figure("retention_days")),
                "deadline_rule": "created",
                "sealed_from": False,
            },
        )
        wanted.append(
            {
                "company_id": company.id,
                "origin": subject.origin,
                "reference": subject.reference,
                "country_id": subject.country_id.id,
                "start": today,
                "values": inventor.person(subject.country_id.code),
            }
        )
    subjects._seal_many(wanted)
    subjects._ensure_partners()

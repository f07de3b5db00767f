"""Whether the vault takes in new personal data: only while what is due is proven gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import psycopg2

from odoo import fields
from odoo.exceptions import UserError

from .. import alarms
from ..crypto import CryptoError
from . import exceptions, running, sealing

#: A clock of this server may be so much ahead of the one that wrote the proof.
_AHEAD = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a company stands.

    :ivar code: ``ok``, ``excused`` (an exception of two officers is in force), ``none`` (no proof was made yet),
        ``found``, ``lapsed``, ``old``, ``clock``, ``forged``, ``gone``, ``store``
    :ivar text: what is wrong and who does what about it; empty when nothing is wrong
    :ivar proof_id: the newest proof, 0 without one
    """

    code: str
    text: str = ""
    proof_id: int = 0

    @property
    def is_open(self) -> bool:
        """Whether personal data may come in."""
        return self.code in ("ok", "excused")


def standing(env, company) -> Standing:
    """Tell how a company stands now. Reads one proof and asks the key store for its seal; some milliseconds."""
    company = company.with_env(env).sudo()  # sudo: the state of the proof decides about everybody's intake
    proof = sealing.newest(company)
    try:
        if not proof:
            if sealing.was_ever_made(company):
                return Standing("gone", _text(env, company, "gone"))
            return Standing("none", _text(env, company, "none"))
        if not sealing.is_genuine(proof):
            return Standing("forged", _text(env, company, "forged"), proof.id)
        if sealing.was_superseded(proof):
            return Standing("gone", _text(env, company, "gone"), proof.id)
        age = fields.Datetime.now() - proof.at
        if age < -_AHEAD:
            return Standing("clock", _text(env, company, "clock"), proof.id)
        if age > timedelta(hours=company._pii_figure("proof_hours")):
            return Standing("old", _text(env, company, "old", hours=int(age.total_seconds() // 3600)), proof.id)
        if not proof.blocks:
            return Standing("ok", "", proof.id)
        if exceptions.covering(proof):
            return Standing("excused", "", proof.id)
        return Standing(proof.blocks, _text(env, company, proof.blocks, count=proof.found), proof.id)
    except (CryptoError, UserError) as error:
        return Standing("store", str(error), proof.id)


def _text(env, company, code: str, **values) -> str:
    values["company"] = company.name
    act = env._("A privacy officer opens Privacy → Retention → Proof of Absence and presses “Check again”.")
    said = {
        "none": env._("No proof of absence was made for %(company)s yet.", **values),
        "gone": env._(
            "The newest proof of absence of %(company)s is missing in the database: it was restored from a backup, or "
            "somebody deleted the proof.",
            **values,
        ),
        "forged": env._("The newest proof of absence of %(company)s was changed outside of Odoo.", **values),
        "clock": env._(
            "The newest proof of absence of %(company)s is dated in the future: the clock of the server was put back.",
            **values,
        ),
        "lapsed": env._("Erased data of %(company)s was not proven gone in time.", **values),
    }
    if code == "old":
        said["old"] = env._("No proof of absence for %(company)s for %(hours)s hours.", **values)
    if code == "found":
        said["found"] = env._(
            "Personal data of %(company)s is found where it must be gone (%(count)s places).", **values
        )
    return f"{said[code]} {act}"


def intake_refusal(env, company) -> str | bool:
    """Return why no new personal data may be sealed for ``company`` now, as a text for its user; False if it may.

    The first intake of all makes the first proof. Every refusal sees to it that the officers know.

    :param company: one company; nothing about the environment is trusted
    """
    found = standing(env, company)
    if found.code == "none":
        running.run(env)
        found = standing(env, company)
    if found.is_open:
        return False
    _tell(env, company, found)
    return env._("No new personal data is taken in, so that nothing is kept that cannot be erased. %s", found.text)


def _tell(env, company, found: Standing) -> None:
    """Tell the officers on a connection of its own: what is refused is rolled back."""
    cause = f"intake_{found.code}"
    if alarms.is_known(env, "proof", cause, company):
        return
    try:
        with env.registry.cursor() as cr:
            alarms.raise_alarm(env(cr=cr, su=True), "proof", cause, company, found.text)
    except psycopg2.OperationalError:
        # somebody else is telling them at this moment
        return

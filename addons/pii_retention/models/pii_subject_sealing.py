import hmac
from collections import Counter

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import split_every

from .. import buckets as buckets_of_days
from .. import clock, clock_seals, indexing, journal, keys, moving, proof, purge, tombstones
from ..blind_index import merged
from ..crypto import CryptoError, KeyDestroyed
from ..facts import asked
from ..indexing import SEPARATOR
from ..purposes import CLASSES


def _sealed(env, company, identity, values, buckets):
    """Return the columns that hold ``values`` (clean) sealed for a subject, or its erasure when its day is past.

    No method: whoever can pass ``buckets`` gets the keyring in it.

    :param identity: dict with ``uuid``, ``deadline`` and ``country_id`` (id or False)
    :param dict buckets: remembers keyring and key of each bucket for the next subject of the same call
    """
    if identity["deadline"] <= company._pii_day():
        # also without values: a row that nobody's day will ever come for must not look overdue
        return env["pii.subject"]._erased_columns()
    if not values:
        return {}
    if ("intake", company.id) not in buckets:
        if refusal := proof.intake_refusal(env, company):
            raise UserError(refusal)
        buckets["intake", company.id] = True
    bucket = (company.id, identity["deadline"])
    try:
        if bucket not in buckets:
            keyring, domain = keys.keyring(env), company._pii_domain()
            key_id = buckets_of_days.key_for(env, keyring, domain, identity["deadline"])
            buckets[bucket] = keyring, domain, key_id, indexing.mac_of(keyring, key_id)
        keyring, domain, key_id, mac = buckets[bucket]
        columns = {
            f"{cls}_token": keyring.seal_record(domain, key_id, identity["uuid"], cls, content)
            for cls, content in values.items()
        }
        columns["content_mac"] = moving.content_mac(keyring, key_id, identity["uuid"], values)
        country = env["res.country"].browse(identity["country_id"] or ()).code
        columns.update(indexing.columns_for(mac, company, values, country))
    except KeyDestroyed:
        return env["pii.subject"]._erased_columns()
    except CryptoError as error:
        raise UserError(str(error)) from error
    return columns


class PiiSubject(models.Model):
    """How personal data gets into the vault, and stays findable by exact value."""

    _inherit = "pii.subject"

    @api.model
    def _seal_many(self, vals_list):
        """Create or update subjects and seal their data; nothing personal ever reaches a statement.

        :param vals_list: dicts with ``company_id`` (id), ``origin``, ``reference`` (unique per company and
            origin), ``country_id`` (id or False), ``start`` (the buyer's order: a date of the company, or a moment),
            ``open`` (bool, optional: not shipped yet), ``facts`` (optional: ``{event: day or moment}``, as for
            ``_record``) and ``values`` (``{class: {key: text}}`` as in ``purposes.CLASSES``; a class that is absent is
            left as it is)
        :return: the subjects, in the order of ``vals_list``; who was erased before is there without data
        :raise UserError: when the key store cannot be used, or what was due is not proven gone
            (`proof.intake_refusal`); nothing was written then
        """
        subjects = self.env["pii.subject"].sudo()  # sudo: importers seal, they need not read subjects
        existing = self._find_existing(vals_list)
        to_create = {}
        for vals in vals_list:
            identity = (vals["company_id"], vals["origin"], vals["reference"])
            if identity not in existing and identity not in to_create:
                company = self.env["res.company"].browse(vals["company_id"])
                facts = self._clock_news(company, vals, clock.Facts())
                deadline, rule = clock.deadline(facts, company._pii_clock_figures())
                to_create[identity] = {
                    **self._clock_columns(facts),
                    "uuid": tombstones.subject_uuid(company._pii_domain(), vals["origin"], vals["reference"]),
                    "company_id": vals["company_id"],
                    "origin": vals["origin"],
                    "reference": vals["reference"],
                    "country_id": vals.get("country_id") or False,
                    "deadline": deadline,
                    "deadline_rule": rule,
                }
        # the last delivery of a reference in the list wins, whatever its place
        latest = {(vals["company_id"], vals["origin"], vals["reference"]): vals for vals in vals_list}
        for company_id, arriving in Counter(identity[0] for identity in to_create).items():
            indexing.plan_bits(self.env, self.env["res.company"].browse(company_id), arriving)
        buckets = {}
        # whoever was erased does not come back, whatever the channel sends and whatever backup was restored
        live = [subject for subject in existing.values() if subject.state == "live"]
        candidates = [*(create_vals["uuid"] for create_vals in to_create.values()), *(subject.uuid for subject in live)]
        buried = self._buried(candidates) if candidates else set()
        for identity, create_vals in to_create.items():
            company = self.env["res.company"].browse(identity[0])
            values = self._clean_values(latest[identity]["values"])
            if create_vals["uuid"] in buried:
                create_vals.update(self._erased_columns())
            else:
                create_vals.update(_sealed(self.env, company, create_vals, values, buckets))
                create_vals["clock_seal"] = clock_seals.seal(company, create_vals["uuid"], create_vals, buckets)
        created = subjects.create(list(to_create.values()))
        for company in created.company_id:
            indexing.widen(self.env, company)
        for identity, subject in existing.items():
            if subject.uuid in buried and subject.state == "live":
                subject.write(self._erased_columns())
            subject._update_sealed(latest[identity])
        existing.update(zip(to_create, created, strict=True))
        return subjects.concat(
            *(existing[vals["company_id"], vals["origin"], vals["reference"]] for vals in vals_list)
        ).with_env(self.env)

    @api.model
    def _find_existing(self, vals_list):
        """Return ``{(company id, origin, reference): subject}`` of those that exist."""
        result = {}
        by_channel = {}
        for vals in vals_list:
            by_channel.setdefault((vals["company_id"], vals["origin"]), set()).add(vals["reference"])
        for (company_id, origin), references in by_channel.items():
            for chunk in split_every(1000, references):
                found = self.sudo().search(
                    [("company_id", "=", company_id), ("origin", "=", origin), ("reference", "in", list(chunk))]
                )
                result.update({(company_id, origin, subject.reference): subject for subject in found})
        return result

    @api.model
    def _clock_news(self, company, vals, known):
        """Return what is known about an order once ``vals`` (see ``_seal_many``) have arrived."""
        news = {"created": vals["start"], **(vals.get("facts") or {})}
        if vals.get("open"):
            news["open"] = None
        for event, day in news.items():
            known = known.merged(clock.Facts(**{event: self._clock_day(company, day, known)}))
        return known

    @api.model
    def _erased_columns(self):
        """Return the columns of a subject of whom nothing is held any more."""
        gone = ("content_mac", *indexing.COLUMNS, *(f"{cls}_token" for cls in CLASSES))
        return {"state": "erased", **dict.fromkeys(gone, False)}

    @api.model
    def _clean_values(self, values, keep_empty=False):
        """Return ``{class: {key: text}}`` without empty texts and empty classes.

        :raise ValueError: for a class or key that the vault does not know
        """
        result = {}
        for cls, content in values.items():
            unknown = set(content) - set(CLASSES.get(cls, ()))
            if cls not in CLASSES or unknown:
                raise ValueError(f"The vault has no place for {cls}: {sorted(unknown)}")
            content = {key: text or "" for key, text in content.items() if text or keep_empty}
            if content:
                result[cls] = content
        return result

    def _update_sealed(self, vals):
        """Take in a newer delivery of the same reference: what it says about the order, then about the person."""
        self.ensure_one()
        if self.state != "live":
            return
        clock_seals.disown_altered(self)
        known = self._clock_facts()
        facts = self._clock_news(self.company_id, vals, known)
        if facts != known:
            clock_seals.write(self, self._clock_columns(facts))
        moving.settle(self)
        if self.state != "live":
            return
        country = self.country_id.browse(vals.get("country_id") or self.country_id.id)
        values = self._clean_values(vals["values"])
        if not values or self._is_unchanged(values):
            return
        identity = {"uuid": self.uuid, "deadline": self.deadline, "country_id": country.id}
        columns = _sealed(self.env, self.company_id, identity, values, {})
        if "state" in columns:
            purge.forget(self.env, self.ids, "deadline")
            return
        if self._keep_sealed(columns):
            columns.update(self._reindexed(columns, country))
        if country != self.country_id:
            columns["country_id"] = country.id
        self.write(columns)

    def _keep_sealed(self, columns):
        """Add to the newly sealed ``columns`` what stays: corrections, and the classes that were not delivered.

        :return: whether anything stays
        """
        kept = False
        for cls in CLASSES:
            name = f"{cls}_token"
            base, *corrections = (self[name] or "").split(SEPARATOR)
            if name in columns and corrections:
                columns[name] = SEPARATOR.join([columns[name], *corrections])
                kept = True
            elif name not in columns and base:
                kept = True
        return kept

    def _reindexed(self, columns, country):
        """Return the index columns of what the subject holds once ``columns`` are written."""
        tokens = {cls: columns.get(f"{cls}_token", self[f"{cls}_token"]) for cls in CLASSES}
        try:
            return indexing.columns_of_sealed(keys.keyring(self.env), self, self.deadline, country.code, tokens)
        except CryptoError as error:
            raise UserError(str(error)) from error

    def _is_unchanged(self, values):
        """Tell whether ``values`` is what the channel delivered last time."""
        if not self.content_mac:
            return False
        keyring = keys.keyring(self.env)
        try:
            key_id = buckets_of_days.key_for(self.env, keyring, self.company_id._pii_domain(), self.deadline)
            return hmac.compare_digest(self.content_mac, moving.content_mac(keyring, key_id, self.uuid, values))
        except CryptoError:
            return False

    def _correct(self, values, purpose=None, reason=None, document=None):
        """Add a correction (``{class: {key: text}}``) to what is held, without opening anything, and log it.

        Corrections survive later deliveries of the channel: a person knew better. An empty text means that nothing is
        held under its key any more.

        :param purpose: code for the log, with ``reason`` and ``document``
        """
        for subject in self.sudo():  # sudo: whoever may write the contact may correct it; nothing is read
            clock_seals.disown_altered(subject)
            if subject._is_over():
                moving.settle(subject)
            if subject.state != "live":
                raise UserError(
                    self.env._("The personal data of %s is gone; nothing can be added to it.", subject.reference)
                )
            identity = {name: subject[name] for name in ("uuid", "deadline")} | {"country_id": subject.country_id.id}
            content = subject._clean_values(values, keep_empty=True)
            columns = _sealed(subject.env, subject.company_id, identity, content, {})
            columns.pop("content_mac", None)
            if "state" not in columns:
                # a delivery replaces the first token of a class: where there was none, an empty one stands for it
                undelivered = {cls: {} for cls in content if not subject[f"{cls}_token"]}
                bases = _sealed(subject.env, subject.company_id, identity, undelivered, {})
                for name, added in columns.items():
                    if name in indexing.COLUMNS:
                        columns[name] = merged(subject[name], added)
                    else:
                        columns[name] = self._joined(subject[name] or bases[name], added)
            subject.write(columns)
        said = {"classes": sorted(values), "reason": reason, "document": document}
        journal.append(self.env, asked(self), purpose, "corrected", **said)

    @api.model
    def _joined(self, tokens, token):
        """Return a sealed column with one more token."""
        return SEPARATOR.join(filter(None, [tokens, token]))

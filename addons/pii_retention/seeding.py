"""Fill the field cache of a reveal with the plaintext, and with what Odoo derives from it."""

from __future__ import annotations

from collections import defaultdict

from odoo.orm.fields import determine


def seed_partners(env, subjects, values: dict[int, dict[str, str]]) -> None:
    """Put the plaintext into the caches of ``env``: partner columns, what is stored from them, subject texts."""
    transaction = env.transaction
    Partner = env["res.partner"].sudo()
    fields_by_name = Partner._fields
    # all contacts in one statement, with what documents read of them: rendering would read each by itself
    columns = [name for name, field in fields_by_name.items() if field.prefetch is True and field.column_type]
    partners = Partner.with_context(active_test=False).search_fetch(
        [("pii_subject_id", "in", subjects.ids)], columns, order="id"
    )
    seeded_ids, filled = [], set()
    seeds, explicit = defaultdict(dict), defaultdict(dict)
    # hundreds of records for each country, and most shops are told no state
    states = partners._pii_states() if any(vals.get("state") for vals in values.values()) else {}
    for partner in partners:
        partner_values = Partner._pii_to_partner(values.get(partner.pii_subject_id.id) or {})
        if not partner_values:
            continue
        seeded_ids.append(partner.id)
        state = (values[partner.pii_subject_id.id].get("state") or "").strip().casefold()
        if state_id := states.get((partner.country_id.id, state)):
            seeds[fields_by_name["state_id"]][partner.id] = state_id
        for name, value in partner_values.items():
            field = fields_by_name[name]
            if value:
                filled.add(field)
            if not field.compute:
                seeds[field][partner.id] = value
            elif value:
                explicit[field][partner.id] = value
    Subject = env["pii.subject"]
    for name in Subject._pii_text_fields():
        # the empty ones too: their compute would empty all of them
        seeds[Subject._fields[name]] = {sid: vals.get(name) or None for sid, vals in values.items()}
    transaction.seed(seeds)
    if seeded_ids:
        _seed_stored_computes(env, Partner.browse(seeded_ids), filled)
    # what the vault holds of a computed column wins over what Odoo would derive (a tax code from the VAT number)
    if explicit:
        transaction.seed(explicit)


def _stored_copies(registry, sources) -> set:
    """Return the stored, computed columns of contacts that copy one of the fields ``sources``."""
    return {
        field
        for source in sources
        for field in registry.get_dependent_fields(source)
        if field.model_name == "res.partner" and field.store and field.compute and field.column_type
    }


def _seed_stored_computes(env, partners, sources) -> None:
    """Recompute, in memory only, the partner's stored fields that copy personal data (complete_name, …).

    :param sources: the fields for which the vault holds something; columns of the others are empty anyhow
    """
    transaction = env.transaction
    registry = env.registry
    stored = _stored_copies(registry, sources) - {field for field in sources if not field.compute}
    seeds = {}
    for group in {frozenset(registry.field_computed[field]) for field in stored}:
        field = min(group, key=lambda item: item.name)
        # depends_context fields have one cache per context and cannot be pinned; stored ones never do
        with env.protecting(group, partners):
            determine(field.compute, partners)
        for member in group & stored:
            cache = member._get_cache(partners.env)
            seeds[member] = {pid: cache[pid] for pid in partners._ids if pid in cache}
        # computed for reading: nothing of it may ever be flushed
        for member in group:
            transaction.field_dirty.pop(member, None)
    transaction.seed(seeds)

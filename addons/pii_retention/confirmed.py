"""What officers have set by hand, the limits of purposes and the alert rules, and whether it still stands so.

Both are rows that whoever writes to the database, or types code into Odoo, can change: a limit grows, a rule is off.
The state in which a privacy officer left them is kept beside the keys as a digest; the hourly watch compares, and tells
the officers of what none of them did. Functions, not methods: typed code would confirm its own changes.
"""

from __future__ import annotations

import hashlib
import json

from odoo.tools import SQL

from . import alerts, channel, keys

OFFICER = "pii_retention.group_privacy_officer"
#: Model -> name of the anchors beside the keys; those of the access log and of policies are called otherwise.
NAMES = {"pii.purpose.limit": "officers-limits", "pii.alert.rule": "officers-rules"}
_QUIET_COLUMNS = {"create_uid", "create_date", "write_uid", "write_date", "sequence", "name"}


def digest(model) -> str:
    """Return a digest of all rows of a model as they are in this transaction, archived ones too."""
    model.flush_model()
    columns = sorted(
        name
        for name, field in model._fields.items()
        if field.store and field.column_type and name not in _QUIET_COLUMNS
    )
    model.env.cr.execute(
        SQL(
            "SELECT %s FROM %s ORDER BY id",
            SQL(", ").join(SQL("%s::text", SQL.identifier(name)) for name in columns),
            SQL.identifier(model._table),
        )
    )
    rows = [dict(zip(columns, row, strict=True)) for row in model.env.cr.fetchall()]
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()


def is_confirmed(model) -> bool:
    """Tell whether the rows are as an officer left them, or as they were when they were first looked at.

    :raise CryptoError: the key store cannot be used
    :raise UserError: likewise
    """
    anchors, now = keys.keyring(model.env).anchors, digest(model)
    if pending := model.env.cr.postcommit.data.get(model._name):
        return pending == now
    known = anchors.entries(NAMES[model._name])
    if not known:
        anchors.append(NAMES[model._name], now)
        return True
    return known[-1].value == now


def by_officer(model) -> bool:
    """Tell whether a privacy officer is changing it, by hand."""
    return channel.in_person(model.env) and model.env.user.has_group(OFFICER)


def confirm(model) -> None:
    """Keep beside the keys that the rows are right as they stand, once that is committed; tell the other officers.

    The caller has checked that an officer does it, by hand.

    :raise CryptoError: the key store cannot be used
    """
    env, name, now = model.env, NAMES[model._name], digest(model)
    anchors = keys.keyring(env).anchors
    env.cr.postcommit.data[model._name] = now
    env.cr.postcommit.add(lambda: anchors.append(name, now))
    alerts.tell(
        env,
        "policy",
        env["res.company"],
        env._("%(what)s: changed by %(who)s", what=model._description, who=env.user.name),
        env._("Look at its history: is there a good reason?"),
    )


def watch(env) -> None:
    """Tell the officers of limits and rules that no officer set as they are.

    :raise CryptoError: the key store cannot be used
    :raise UserError: likewise
    """
    for model_name in NAMES:
        model = env[model_name]
        if not is_confirmed(model):
            alerts.tell(
                env,
                "policy",
                env["res.company"],
                env._("%s: not as an officer left it", model._description),
                env._(
                    "Somebody changed it past the officers, an update of the product brought new ones, or an older "
                    "backup was restored. Look at each under Privacy, Configuration, put right what is wrong, and "
                    "press “Right as They Are”."
                ),
            )

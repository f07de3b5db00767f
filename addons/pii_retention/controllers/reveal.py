"""The screens' way to the vault: what a record's card says, what its dialog shows, and what a person corrects there.

Nothing here decides who may see a person: ``pii.subject.reveal`` does, and logs. What is added is that a screen opens
only customers of a record that its user may read.
"""

from __future__ import annotations

from odoo.exceptions import AccessError, UserError
from odoo.http import Controller, request, route

from .. import reasons, reveal
from ..purposes import CLASSES, PURPOSES
from . import correction
from .words import class_word, in_reading_order, key_word

#: Printing names its document and may need no further reason; whoever looks at a screen always states one.
NO_REASON = "-"


class RevealController(Controller):
    # === ROUTES === #

    @route("/pii/card", type="jsonrpc", auth="user", readonly=True)
    def card(self, model, id):  # noqa: A002 - the name that Odoo's client gives a record's id
        """Return what the cards of a record say: a list of dicts, empty for records without protected customer.

        ``id``, ``pseudonym``, ``state`` and ``state_label``, ``held`` (words of each class), ``deadline`` (ISO date),
        ``why`` (until when and why, in words), ``purposes`` (``pii.subject.pii_purposes``), ``reason_words`` (how many
        a reason has at least). No personal data.

        :raise AccessError: the user may not read the record
        """
        record = self._readable(model, id)
        if record is None:
            raise AccessError(request.env._("This record does not exist, or you may not read it."))
        # with the person's own environment: what a contact leads to was read with more rights
        return [self._card_of(subject) for subject in record._pii_subjects().with_env(request.env)]

    @route("/pii/reveal", type="jsonrpc", auth="user")
    def reveal(self, subject_id, model, id, purpose, reason):  # noqa: A002
        """Open one customer of a record for a purpose, for a person at a screen.

        :return: dict with ``values`` (list of ``key``, ``label``, ``value``, ``class``, ``multiline``, ``editable``,
            ``limit`` (characters, False without one); those that may be added come with an empty value),
            ``seconds`` (how long they may be shown) and ``message`` (why there is nothing, or False)
        :raise AccessError: refused; the message says what to do
        :raise UserError: a key is missing or wrong
        """
        self._forbid_storing()
        purpose, reason = self._text(purpose), self._text(reason) or NO_REASON
        subject = self._subject(subject_id, model, id, purpose, reason)
        with subject.reveal(purpose, reason, f"{model},{id}") as env:
            values = dict(reveal.current(env).values.get(subject.id) or {})
        # sudo: how long the company lets a screen show values is no secret
        seconds = subject.sudo().company_id._pii_figure("reveal_seconds")
        return {
            "values": self._rows(values, PURPOSES[purpose]) if values else [],
            "seconds": seconds,
            "message": False if values else self._why_empty(subject),
        }

    @route("/pii/correct", type="jsonrpc", auth="user")
    def correct(self, subject_id, model, id, purpose, reason, values, confirmed=False):  # noqa: A002
        """Add a person's correction to what is held, in the classes that the purpose opens.

        :param values: ``{vault key: text}`` of what was changed
        :param confirmed: the person has read the questions and insists
        :return: dict with ``saved`` (labels of what changed) and ``questions`` (why nothing was saved yet)
        :raise AccessError: refused
        :raise UserError: a text is not acceptable, or the data is gone; nothing was saved
        """
        self._forbid_storing()
        env = request.env
        purpose, reason = self._text(purpose), self._text(reason) or NO_REASON
        subject = self._subject(subject_id, model, id, purpose, reason)
        known = PURPOSES.get(purpose)
        texts = correction.checked(env, known, values) if known else {}
        # sudo: the country stands on the pseudonymous contact, for all to see
        questions = correction.doubts(env, texts, subject.sudo().country_id.code)
        if questions and not confirmed:
            return {"saved": [], "questions": questions}
        with subject.reveal(purpose, reason, f"{model},{id}") as inner:
            held = reveal.current(inner).values.get(subject.id) or {}
            texts = {key: text for key, text in texts.items() if held.get(key, "") != text}
        if texts:
            by_class = {cls: {key: text for key, text in texts.items() if key in CLASSES[cls]} for cls in known.classes}
            corrected = {cls: content for cls, content in by_class.items() if content}
            subject._correct(corrected, purpose, reasons.for_log(reason), f"{model},{id}")
        saved = [key_word(env, key) for key in in_reading_order(texts)]
        if saved:
            self._leave_note(env[model].browse(id), saved)
        return {"saved": saved, "questions": []}

    # === HELPERS === #

    def _forbid_storing(self):
        """Tell browsers and proxies to keep nothing of this answer."""
        request.future_response.headers["Cache-Control"] = "no-store"

    def _text(self, value):
        return value.strip() if isinstance(value, str) else ""

    def _readable(self, model, record_id):
        """Return the record when an employee may read it, else None."""
        env = request.env
        if not env.user._is_internal() or model not in env or not isinstance(record_id, int):
            return None
        if env[model]._abstract or env[model]._transient:
            return None
        record = env[model].browse(record_id).exists()
        return record if record and record.has_access("read") else None

    def _subject(self, subject_id, model, record_id, purpose, reason):
        """Return the subject when it is a customer of a record that the user may read; log a refusal otherwise."""
        env = request.env
        # sudo: only whether it exists
        subject = env["pii.subject"].sudo().browse(subject_id if isinstance(subject_id, int) else 0).exists()
        if not subject:
            raise UserError(env._("This customer is not in the vault any more: reload the page."))
        record = self._readable(model, record_id)
        if record is None or subject not in record._pii_subjects():
            code = purpose if purpose in PURPOSES else None
            env["pii.access.log"]._append(subject.with_env(env), code, "refused", reason=reason)
            raise AccessError(
                env._("You may open only customers of records that you may read: open the order, then try again.")
            )
        return subject.with_env(env)

    def _card_of(self, subject):
        env = request.env
        known = subject.sudo()  # sudo: what is held, until when and why is for whoever may read the record
        states = dict(known._fields["state"]._description_selection(env))
        return {
            "id": subject.id,
            "pseudonym": known._pseudonym(),
            "state": known.state,
            "state_label": states[known.state],
            "held": [class_word(env, cls) for cls in (known.held_classes or "").split(", ") if cls],
            "deadline": known.deadline.isoformat(),
            "why": known.with_context(lang=env.lang)._explanation(),
            "purposes": subject.pii_purposes() if known.state != "erased" else [],
            "reason_words": known.company_id._pii_figure("reason_words"),
        }

    def _rows(self, values, purpose):
        """Return what the dialog lays out: what is held, and empty lines for what may be added."""
        env = request.env
        editable, limits = correction.correctable(env, purpose), correction.limits(env)
        return [
            {
                "key": key,
                "label": key_word(env, key),
                "value": values.get(key, ""),
                "class": next((cls for cls in purpose.classes if key in CLASSES[cls]), False),
                "multiline": key in correction.MULTILINE or "\n" in values.get(key, ""),
                "editable": key in editable,
                "limit": limits.get(key, False),
            }
            for key in in_reading_order(values.keys() | editable)
        ]

    def _why_empty(self, subject):
        env = request.env
        known = subject.sudo()  # sudo: state and reference are on the card already
        if known.state == "erased":
            return env._("The personal data of %s is erased. Nobody can open it any more.", known._pseudonym())
        return env._("The vault holds nothing about %s for this purpose.", known._pseudonym())

    def _leave_note(self, record, labels):
        """Say in the record's chatter that something was corrected, and by whom; never what."""
        if "message_ids" not in record._fields:
            return
        # sudo: whoever may correct a customer need not be allowed to write the document
        record.sudo()._message_log(
            body=request.env._("Customer's data corrected in the vault: %s", ", ".join(labels)),
            author_id=request.env.user.partner_id.id,
        )

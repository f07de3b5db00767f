import { Dialog } from "@web/core/dialog/dialog";
import { deserializeDateTime, formatDateTime } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { ConnectionLostError, RPCError, rpc } from "@web/core/network/rpc";
import { useService } from "@web/core/utils/hooks";
import { Component, onWillUnmount, useEffect, useExternalListener, useRef, useState } from "@odoo/owl";
import { ShownValues } from "./shown_values";

const SESSION_EXPIRED = "odoo.http.SessionExpiredException";

/**
 * Shows a protected customer's data for a purpose and a reason, for as long as the company's policy says.
 *
 * The values never enter reactive state, a template or a prop (see ShownValues), and are gone at once, whatever closes
 * the dialog: time, Escape, another tab, printing, another record, navigation. The call is not cached, and the answer is
 * marked no-store.
 *
 * The window's blur does not close it: whoever types an address into a carrier's program has the two windows side by
 * side.
 */
export class RevealDialog extends Component {
    static template = "pii_retention.RevealDialog";
    static components = { Dialog };
    static props = {
        subject: Object,
        resModel: String,
        resId: Number,
        onCorrected: Function,
        close: Function,
    };

    setup() {
        this.notification = useService("notification");
        this.orm = useService("orm");
        this.content = useRef("content");
        this.reason = useRef("reason");
        this.values = new ShownValues(this.content);
        this.closed = false;
        this.state = useState({
            step: "ask", // ask, show, edit, request, glass, told
            busy: false,
            purposes: this.props.subject.purposes,
            purpose: "",
            reason: "",
            hours: "",
            rows: [],
            seconds: 0,
            left: 0,
            error: "",
            message: "",
            questions: [],
        });
        this.go(this.granted.length ? "ask" : "request");
        useEffect(
            (step) => {
                this.values.show();
                (step === "edit" ? this.values.fields()[0] : this.reason.el)?.focus();
            },
            () => [this.state.step]
        );
        useExternalListener(document, "visibilitychange", () => document.hidden && this.close());
        useExternalListener(window, "pagehide", () => this.close());
        useExternalListener(window, "popstate", () => this.close());
        useExternalListener(window, "beforeprint", () => this.close());
        onWillUnmount(() => this.forget());
    }

    // -------------------------------------------------------------------------
    // What the user may do
    // -------------------------------------------------------------------------

    get granted() {
        return this.state.purposes.filter((purpose) => purpose.granted);
    }

    get requestable() {
        return this.state.purposes.filter((purpose) => !purpose.granted && purpose.requestable);
    }

    get breakable() {
        return this.state.purposes.filter((purpose) => !purpose.granted && purpose.glass);
    }

    /** The purposes to choose from; undefined in a step that asks for none. */
    get choices() {
        return { ask: this.granted, request: this.requestable, glass: this.breakable }[this.state.step];
    }

    get purposeLabel() {
        return this.state.purposes.find((purpose) => purpose.code === this.state.purpose)?.label;
    }

    get title() {
        return this.props.subject.pseudonym;
    }

    get canGo() {
        return !this.state.busy && Boolean(this.state.purpose) && Boolean(this.state.reason.trim());
    }

    get shownRows() {
        return this.state.rows.filter((row) => (this.state.step === "edit" ? row.editable : row.held));
    }

    get canCorrect() {
        return this.state.rows.some((row) => row.editable);
    }

    until(purpose) {
        const end = purpose.until && deserializeDateTime(purpose.until.replace("T", " "));
        return end && formatDateTime(end, { showSeconds: false });
    }

    // -------------------------------------------------------------------------
    // Steps
    // -------------------------------------------------------------------------

    go(step) {
        Object.assign(this.state, { step, error: "", questions: [] });
        const choices = this.choices;
        if (choices && !choices.some((purpose) => purpose.code === this.state.purpose)) {
            this.state.purpose = choices[0]?.code || "";
        }
    }

    /** Run a call; what goes wrong is said in the dialog. */
    async attempt(call) {
        Object.assign(this.state, { busy: true, error: "" });
        try {
            return await call();
        } catch (error) {
            if (this.closed) {
                return;
            }
            if (error instanceof RPCError && error.exceptionName !== SESSION_EXPIRED) {
                this.state.error = error.data?.message || error.message;
            } else if (error instanceof ConnectionLostError) {
                this.state.error = _t("Odoo does not answer. Check the connection, then try again.");
            } else {
                this.close();
                throw error;
            }
            this.content.el?.scrollIntoView({ block: "start" });
        } finally {
            this.state.busy = false;
        }
    }

    get question() {
        return {
            subject_id: this.props.subject.id,
            model: this.props.resModel,
            id: this.props.resId,
            purpose: this.state.purpose,
            reason: this.state.reason,
        };
    }

    async reveal() {
        const answer = await this.attempt(() => rpc("/pii/reveal", this.question));
        if (answer) {
            this.receive(answer);
        } else if (!this.closed) {
            await this.offerRequest();
        }
    }

    /** A grant may have lapsed or been revoked while the dialog was open: the way to a new one is shown then. */
    async offerRequest() {
        const refusal = this.state.error;
        await this.attempt(() => this.reload());
        if (!this.granted.some((purpose) => purpose.code === this.state.purpose)) {
            this.go("request");
        }
        this.state.error = refusal;
    }

    receive({ values, seconds, message }) {
        const rows = values.map(({ key, label, value, multiline, editable, limit }) => {
            // closed while the answer was on its way: nothing is kept
            if (value && !this.closed) {
                this.values.set(key, value);
            }
            return { key, label, multiline, editable, limit, held: Boolean(value) };
        });
        values.length = 0;
        if (this.closed) {
            return;
        }
        if (message) {
            Object.assign(this.state, { step: "told", message });
            return;
        }
        Object.assign(this.state, { rows, seconds, left: seconds, step: "show", error: "" });
        this.end = Date.now() + seconds * 1000;
        this.timer = setInterval(() => this.tick(), 250);
    }

    tick() {
        // by the clock: a machine that slept has not stopped it
        const left = Math.ceil((this.end - Date.now()) / 1000);
        if (left > 0) {
            this.state.left = left;
            return;
        }
        const wasEditing = this.state.step === "edit";
        this.close();
        if (wasEditing) {
            this.notification.add(_t("The time was up before you saved: nothing was corrected."), { type: "warning" });
        }
    }

    edit() {
        this.values.hide();
        this.go("edit");
    }

    cancelEdit() {
        this.values.hide();
        this.go("show");
    }

    save(confirmed = false) {
        const values = this.values.changed();
        if (!Object.keys(values).length) {
            this.state.error = _t("Nothing was corrected: change at least one value.");
            return;
        }
        return this.attempt(async () => {
            const { saved, questions } = await rpc("/pii/correct", { ...this.question, values, confirmed });
            if (questions.length) {
                this.state.questions = questions;
                this.content.el.scrollIntoView({ block: "start" });
                return;
            }
            this.close();
            this.notification.add(
                saved.length ? _t("Corrected in the vault: %s", saved.join(", ")) : _t("Nothing was different."),
                { type: "success" }
            );
            this.props.onCorrected();
        });
    }

    request() {
        return this.attempt(async () => {
            const hours = parseInt(this.state.hours);
            const kwargs = hours > 0 ? { hours } : {};
            const { state } = await this.orm.call(
                "pii.subject",
                "request_access",
                [[this.props.subject.id], this.state.purpose, this.state.reason],
                kwargs
            );
            if (state === "approved") {
                await this.reload();
                this.go("ask");
                return;
            }
            const message = _t("Your request is with the privacy officers. Come back when one has approved it.");
            Object.assign(this.state, { step: "told", message });
        });
    }

    breakGlass() {
        return this.attempt(async () => {
            const { purpose, reason } = this.state;
            await this.orm.call("pii.subject", "break_glass", [[this.props.subject.id], purpose, reason]);
            await this.reload();
            this.go("ask");
            Object.assign(this.state, { purpose, reason });
            const answer = await rpc("/pii/reveal", this.question);
            this.receive(answer);
        });
    }

    async reload() {
        const { resModel: model, resId: id, subject } = this.props;
        const subjects = await rpc("/pii/card", { model, id });
        this.state.purposes = subjects.find(({ id }) => id === subject.id)?.purposes || [];
    }

    // -------------------------------------------------------------------------
    // The end
    // -------------------------------------------------------------------------

    forget() {
        this.closed = true;
        clearInterval(this.timer);
        this.values.forget();
        this.state.reason = "";
    }

    close() {
        this.forget();
        this.props.close();
    }
}

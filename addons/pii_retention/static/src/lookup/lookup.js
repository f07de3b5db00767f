import { Dialog } from "@web/core/dialog/dialog";
import { ConnectionLostError, RPCError, rpc } from "@web/core/network/rpc";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { user } from "@web/core/user";
import { Component, onWillStart, onWillUnmount, useEffect, useExternalListener, useRef, useState } from "@odoo/owl";

/**
 * Find a customer by the exact name, e-mail address or phone number.
 *
 * The value is in the input alone: no state, no action parameter and no URL holds it, and it is gone when the dialog
 * closes or a customer is found.
 */
export class LookupDialog extends Component {
    static template = "pii_retention.LookupDialog";
    static components = { Dialog };
    static props = { close: Function };

    setup() {
        this.action = useService("action");
        this.value = useRef("value");
        this.closed = false;
        this.state = useState({
            fields: [],
            purposes: [],
            maxLength: 0,
            reasonWords: 0,
            field: "email",
            purpose: "",
            reason: "",
            hasValue: false,
            busy: false,
            error: "",
            message: "",
        });
        onWillStart(async () => {
            const { fields, purposes, max_length, reason_words } = await rpc("/pii/lookup/options");
            Object.assign(this.state, {
                fields,
                purposes,
                maxLength: max_length,
                reasonWords: reason_words,
                purpose: purposes[0]?.code || "",
            });
        });
        useEffect(
            (input) => input?.focus(),
            () => [this.value.el]
        );
        useExternalListener(window, "pagehide", () => this.close());
        useExternalListener(window, "popstate", () => this.close());
        onWillUnmount(() => this.forget());
    }

    get hint() {
        return {
            name: _t("First and last name or the company's name, complete; the order of the words does not matter."),
            email: _t("The complete address."),
            phone: _t("The complete number, with or without the country's prefix."),
        }[this.state.field];
    }

    get canGo() {
        const { busy, purpose, reason, hasValue } = this.state;
        return !busy && Boolean(purpose) && Boolean(reason.trim()) && hasValue;
    }

    onInput() {
        Object.assign(this.state, { hasValue: Boolean(this.value.el.value.trim()), message: "", error: "" });
    }

    onKeydown(ev) {
        if (ev.key === "Enter") {
            ev.preventDefault();
            if (this.canGo) {
                this.find();
            }
        }
    }

    async find() {
        const { field, purpose, reason } = this.state;
        Object.assign(this.state, { busy: true, error: "", message: "" });
        try {
            const { ids } = await rpc("/pii/lookup", {
                field,
                purpose,
                reason,
                value: this.value.el.value,
                companies: user.context.allowed_company_ids,
            });
            if (!this.closed) {
                await this.show(ids);
            }
        } catch (error) {
            if (this.closed) {
                return;
            }
            if (error instanceof RPCError) {
                this.state.error = error.data?.message || error.message;
            } else if (error instanceof ConnectionLostError) {
                this.state.error = _t("Odoo does not answer. Check the connection, then try again.");
            } else {
                this.close();
                throw error;
            }
        } finally {
            this.state.busy = false;
        }
    }

    async show(ids) {
        if (!ids.length) {
            this.state.message = _t(
                "No customer whose data is still held has exactly this value. Check the spelling, or look for the order by its number."
            );
            return;
        }
        this.close();
        const [single] = ids;
        await this.action.doAction({
            type: "ir.actions.act_window",
            name: _t("Customers Found"),
            res_model: "pii.subject",
            domain: [["id", "in", ids]],
            views: ids.length === 1 ? [[false, "form"]] : [[false, "list"], [false, "form"]],
            res_id: ids.length === 1 ? single : undefined,
            context: user.context,
        });
    }

    forget() {
        this.closed = true;
        if (this.value.el) {
            this.value.el.value = "";
        }
        this.state.reason = "";
    }

    close() {
        this.forget();
        this.props.close();
    }
}

registry.category("actions").add("pii_retention.lookup", (env) => {
    env.services.dialog.add(LookupDialog);
});

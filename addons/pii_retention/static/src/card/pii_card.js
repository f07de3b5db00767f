import { _t } from "@web/core/l10n/translation";
import { rpc } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { KeepLast } from "@web/core/utils/concurrency";
import { useService } from "@web/core/utils/hooks";
import { useRecordObserver } from "@web/model/relational_model/utils";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { Component, onWillUnmount, useState } from "@odoo/owl";
import { RevealDialog } from "../reveal_dialog/reveal_dialog";

/**
 * What the vault holds about the protected customers of a record: under which pseudonym, which data, until when and
 * why, and what the user may do with it. Shows nothing for a record without one. Holds no personal data itself.
 */
export class PiiCard extends Component {
    static template = "pii_retention.Card";
    static props = { ...standardWidgetProps };

    setup() {
        this.dialog = useService("dialog");
        this.state = useState({ subjects: [], failed: false });
        this.keepLast = new KeepLast();
        this.closeDialog = () => {};
        useRecordObserver((record) => {
            this.show(record.resModel, record.resId);
        });
        onWillUnmount(() => this.closeDialog());
    }

    /** Another record, or the same one read again: an open dialog belongs to what was there before. */
    show(resModel, resId) {
        if (resModel !== this.resModel || resId !== this.resId) {
            this.closeDialog();
            Object.assign(this, { resModel, resId });
            this.state.subjects = [];
        }
        // the form does not wait for the card
        this.load();
    }

    async load() {
        const { resModel, resId } = this;
        if (!resId) {
            return;
        }
        try {
            this.state.subjects = await this.keepLast.add(
                rpc("/pii/card", { model: resModel, id: resId }, { silent: true })
            );
            this.state.failed = false;
        } catch {
            this.state.failed = Boolean(this.state.subjects.length);
        }
    }

    usable(subject) {
        return subject.purposes.filter((purpose) => purpose.granted);
    }

    requestable(subject) {
        return subject.purposes.filter((purpose) => !purpose.granted && purpose.requestable);
    }

    labels(purposes) {
        return purposes.map((purpose) => purpose.label).join(" · ");
    }

    held(subject) {
        return subject.held.length ? subject.held.join("; ") : _t("nothing any more");
    }

    open(subject) {
        const { resModel, resId } = this;
        this.closeDialog = this.dialog.add(
            RevealDialog,
            { subject, resModel, resId, onCorrected: () => this.onCorrected(resModel, resId) },
            { onClose: () => this.load() }
        );
    }

    onCorrected(model, id) {
        this.env.bus.trigger("MAIL:RELOAD-THREAD", { model, id });
    }
}

export const piiCard = { component: PiiCard };

registry.category("view_widgets").add("pii_card", piiCard);

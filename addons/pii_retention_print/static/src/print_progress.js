import { Dialog } from "@web/core/dialog/dialog";
import { _t } from "@web/core/l10n/translation";
import { Component, useState } from "@odoo/owl";

/** A batch on its way to the printer, with a button that stops it after the part that is being sent. */
export class PrintProgress extends Component {
    static template = "pii_retention_print.PrintProgress";
    static components = { Dialog };
    static props = {
        job: Object,
        control: Object,
        close: Function,
    };

    setup() {
        this.state = useState({ ...this.props.job, cancelled: false });
        this.props.control.update = (state) => Object.assign(this.state, state);
    }

    get title() {
        return _t("Printing on %s", this.state.printer);
    }

    get percentage() {
        return Math.round((100 * this.state.sent) / (this.state.documents || 1));
    }

    cancel() {
        this.state.cancelled = true;
        this.props.control.cancelled = true;
    }
}

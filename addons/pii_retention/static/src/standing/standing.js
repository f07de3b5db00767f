import { Component, onWillStart, onWillUnmount, useState } from "@odoo/owl";
import { Dropdown } from "@web/core/dropdown/dropdown";
import { browser } from "@web/core/browser/browser";
import { registry } from "@web/core/registry";
import { session } from "@web/session";
import { useService } from "@web/core/utils/hooks";

/** Minutes after which an open page asks again: officers keep it open for days. */
const MINUTES = 15;

/** Tells officers and auditors, on every screen, that no new personal data is taken in, and why. */
export class Standing extends Component {
    static template = "pii_retention.Standing";
    static components = { Dropdown };
    static props = {};

    setup() {
        this.action = useService("action");
        this.orm = useService("orm");
        this.state = useState({ lines: session.pii_standing || [] });
        onWillStart(() => {
            this.timer = browser.setInterval(() => this.ask(), MINUTES * 60 * 1000);
        });
        onWillUnmount(() => browser.clearInterval(this.timer));
        this.env.bus.addEventListener("ACTION_MANAGER:UI-UPDATED", () => this.askSoon());
    }

    /** After an officer has acted the sign goes away without a reload; asked only while it is shown. */
    askSoon() {
        if (this.state.lines.length) {
            this.ask();
        }
    }

    async ask() {
        this.state.lines = await this.orm.silent.call("pii.proof", "pii_standing", []);
    }

    open() {
        this.action.doAction("pii_retention.pii_proof_action", { clearBreadcrumbs: true });
    }
}

if (session.pii_standing_shown) {
    registry.category("systray").add("pii_retention.standing", { Component: Standing }, { sequence: 1 });
}

import { browser } from "@web/core/browser/browser";
import { registry } from "@web/core/registry";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { Component, onWillUnmount, xml } from "@odoo/owl";

/** Milliseconds between two looks at a record. */
const PAUSE = 4000;

/**
 * Shows how far work in the background is: reads the record of a form again as long as the work runs, and once more
 * when it has ended. Nothing is read while the tab is in the background, or while somebody edits the record.
 *
 * `field`: it runs while this field has the value `value`, or any value if none is given.
 */
export class Live extends Component {
    static template = xml``;
    static props = { ...standardWidgetProps, field: String, value: { type: String, optional: true } };

    setup() {
        this.shown = true;
        this.wait();
        onWillUnmount(() => {
            this.shown = false;
            browser.clearTimeout(this.timer);
        });
    }

    get runs() {
        const now = this.props.record.data[this.props.field];
        return Boolean(this.props.value ? now === this.props.value : now);
    }

    wait() {
        this.timer = browser.setTimeout(async () => {
            await this.look();
            if (this.shown) {
                this.wait();
            }
        }, PAUSE);
    }

    async look() {
        const { record } = this.props;
        if (!this.runs || document.hidden || !record.resId || (await record.isDirty())) {
            return;
        }
        try {
            await record.load();
        } catch (error) {
            // without a network the screen stays as it is, and says nothing every few seconds
            if (error.name !== "ConnectionLostError") {
                throw error;
            }
        }
    }
}

registry.category("view_widgets").add("spapi_live", {
    component: Live,
    extractProps: ({ attrs }) => ({ field: attrs.field, value: attrs.value }),
});

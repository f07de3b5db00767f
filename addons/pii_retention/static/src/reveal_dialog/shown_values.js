/**
 * Personal data on the screen: kept beside the framework, which would hold on to it in its virtual DOM.
 *
 * An element with ``data-key`` inside the container shows the value of that key, as a text node or in an input.
 */
export class ShownValues {
    /** @param {{ el: HTMLElement | null }} container reference to the element around the places */
    constructor(container) {
        this.container = container;
        this.texts = new Map();
    }

    set(key, text) {
        this.texts.set(key, text);
    }

    places() {
        return [...(this.container.el?.querySelectorAll("[data-key]") || [])];
    }

    fields() {
        return this.places().filter((place) => "value" in place);
    }

    /** Put the values where they belong. */
    show() {
        for (const place of this.places()) {
            const text = this.texts.get(place.dataset.key) || "";
            if ("value" in place) {
                place.value = text;
            } else {
                place.replaceChildren(document.createTextNode(text));
            }
        }
    }

    /** Take the values off the screen. */
    hide() {
        for (const place of this.places()) {
            if ("value" in place) {
                place.value = "";
            } else {
                place.replaceChildren();
            }
        }
    }

    /** @returns {Object} what was typed over a value, by key */
    changed() {
        const typed = {};
        for (const field of this.fields()) {
            const { key } = field.dataset;
            const text = field.value.trim();
            if (text !== (this.texts.get(key) || "").trim()) {
                typed[key] = text;
            }
        }
        return typed;
    }

    forget() {
        this.hide();
        this.texts.clear();
    }
}

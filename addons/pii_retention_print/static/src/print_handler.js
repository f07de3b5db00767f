import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { user } from "@web/core/user";
import { PrintProgress } from "./print_progress";

/** How long after the last part the printer is asked once more, in milliseconds. */
const SETTLE = 3000;

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Send the parts of a print job, one request each, and tell the person how it went.
 *
 * @param {Object} env
 * @param {Object} job as `pii.print.job` returns it
 * @param {Object} [options]
 * @param {Object} [options.data] options of the report, which the server does not keep
 * @param {Object} [options.context]
 * @param {Function} [options.download] called when the person prefers a file, where that is allowed
 */
export async function runJob(env, job, { data, context, download } = {}) {
    const { orm, dialog, ui } = env.services;
    const control = { cancelled: false, update: () => {} };
    let state = job;
    let close = () => {};
    const several = job.more && job.documents > 1;
    if (several) {
        close = dialog.add(PrintProgress, { job, control }, { onClose: () => (control.closed = true) });
    } else {
        ui.block({ message: _t("Printing") });
    }
    try {
        do {
            if (state.waiting) {
                await wait(state.waiting * 1000);
            }
            if (control.cancelled) {
                break;
            }
            state = await orm.call("pii.print.job", "print_next", [[job.job_id]], { data, context });
            control.update(state);
        } while (state.more);
        if (control.cancelled) {
            await orm.call("pii.print.job", "action_cancel", [[job.job_id]]);
            state = await orm.call("pii.print.job", "print_status", [[job.job_id]]);
        }
    } finally {
        close();
        if (!several) {
            ui.unblock();
        }
    }
    tell(env, state, download);
    if (["sent", "printing"].includes(state.state)) {
        follow(env, state);
    }
}

/** Ask once more what became of the job, and speak up only if it did not go well. */
async function follow(env, before) {
    await wait(SETTLE);
    const state = await env.services.orm.silent.call("pii.print.job", "print_status", [[before.job_id]]);
    if (state.message || ["failed", "unknown", "cancelled"].includes(state.state)) {
        tell(env, state);
    }
}

/** Tell the person how a print job stands. */
export function tell(env, state, download) {
    const { notification, action } = env.services;
    const failed = ["failed", "unknown"].includes(state.state);
    const texts = {
        done: _t("%(sent)s of %(documents)s documents printed on %(printer)s.", state),
        cancelled: _t("Cancelled after %(sent)s of %(documents)s documents on %(printer)s.", state),
    };
    const text = failed
        ? _t("%(sent)s of %(documents)s documents were sent to %(printer)s.", state)
        : texts[state.state] || _t("%(sent)s of %(documents)s documents sent to %(printer)s.", state);
    const buttons = [
        {
            name: _t("Show Job"),
            onClick: () =>
                action.doAction({
                    type: "ir.actions.act_window",
                    res_model: "pii.print.job",
                    res_id: state.job_id,
                    views: [[false, "form"]],
                }),
        },
    ];
    if (failed && download) {
        buttons.push({ name: _t("Download (break-glass)"), onClick: download });
    }
    notification.add(state.message ? `${text} ${state.message}` : text, {
        title: _t("Printing"),
        type: failed ? "danger" : state.message || state.state === "cancelled" ? "warning" : "success",
        sticky: failed,
        buttons,
    });
}

/** Reports that go to a printer: sent there by the server, never fetched by the browser. */
async function printReport(action, options, env) {
    const ids = action.context?.active_ids;
    if (action.pii_output !== "printer" || !ids?.length || action.pii_download) {
        return false;
    }
    const hasOptions = Boolean(action.data && Object.keys(action.data).length);
    const context = { ...user.context, ...action.context };
    const answer = await env.services.orm.call(
        "ir.actions.report",
        "pii_print_prepare",
        [action.report_name, ids],
        { has_options: hasOptions, context }
    );
    switch (answer.kind) {
        case "job":
            await runJob(env, answer, {
                data: hasOptions ? action.data : undefined,
                context,
                download: answer.can_download
                    ? () => env.services.action.doAction({ ...action, pii_download: true })
                    : undefined,
            });
            return true;
        case "action":
            await env.services.action.doAction(answer.action);
            return true;
        case "none":
            env.services.notification.add(answer.message, {
                title: _t("Printing"),
                type: "warning",
                sticky: true,
                buttons: answer.action
                    ? [{ name: _t("Printers"), onClick: () => env.services.action.doAction(answer.action) }]
                    : [],
            });
            return true;
        default:
            return false;
    }
}

registry.category("ir.actions.report handlers").add("pii_retention_print", printReport, { sequence: 1 });

registry.category("actions").add("pii_print_job", async (env, action) => {
    const { params } = action;
    if (params.kind && params.kind !== "job") {
        env.services.notification.add(params.message || _t("Nothing was printed."), { type: "warning" });
        return { type: "ir.actions.act_window_close" };
    }
    const job =
        "documents" in params
            ? params
            : await env.services.orm.call("pii.print.job", "print_status", [[params.job_id]]);
    await runJob(env, job, { context: user.context });
    return params.close
        ? { type: "ir.actions.act_window_close" }
        : { type: "ir.actions.client", tag: "soft_reload" };
});

registry.category("actions").add("pii_print_result", (env, action) => {
    if (action.params?.job_id) {
        tell(env, action.params);
    }
});

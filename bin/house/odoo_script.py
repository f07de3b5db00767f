"""Run in a process of its own: a script with ``env`` of a real database.

``python odoo_script.py CONFIG DATABASE JOB RESULT``: JOB is a JSON file ``{"code": …, "args": {…}, "login": …}``. The
script sees ``env``, its arguments by name, ``args``, ``cr`` and ``progress(fraction, note)``; what it assigns to
``result`` is written to RESULT as JSON. It commits at its end unless it raised.
"""

import json
import sys
from pathlib import Path


def progress(fraction: float, note: str = "") -> None:
    """Tell the parent how far the script is."""
    print(f"PROGRESS {fraction:.4f} {note}", flush=True)


def main() -> None:
    """Entry point; see the module's docstring."""
    config_path, database, job_path, result_path = sys.argv[1:5]
    job = json.loads(Path(job_path).read_text())

    import odoo.api
    from odoo.modules.registry import Registry
    from odoo.tools import config

    config.parse_config(["-c", config_path, "-d", database], setup_logging=True)
    with Registry(database).cursor() as cr:
        env = odoo.api.Environment(cr, odoo.api.SUPERUSER_ID, {})
        if job["login"]:
            user = env["res.users"].search([("login", "=", job["login"])], limit=1)
            env = odoo.api.Environment(cr, user.id, {"allowed_company_ids": user.company_ids.ids})
        names = {"env": env, "cr": cr, "args": job["args"], "result": None, "progress": progress}
        names |= {"__name__": "script", **job["args"]}
        exec(compile(job["code"], "script", "exec"), names)
        result = json.dumps(names["result"], default=str)
        cr.commit()
        # a server that runs meanwhile forgets what it has kept in memory
        env.registry.signal_changes()
    half = Path(f"{result_path}.half")
    half.write_text(result)
    half.rename(result_path)


if __name__ == "__main__":
    main()

"""``odoo-bin pii_pseudonymise``: invented people for a neutralized copy of a database."""

import sys

from odoo.cli import Command
from odoo.tools import config


class PiiPseudonymise(Command):
    """Fill a neutralized copy with invented people, for a staging instance without anybody real"""

    name = "pii_pseudonymise"
    epilog = """
        Copy the database (odoo-bin db duplicate), neutralize the copy (odoo-bin neutralize), give it a configuration
        with “environment = staging” and a key store of its own, and run this. Exit codes: 0 done, 1 refused.
    """

    def run(self, args):
        parser = self.parser
        parser.add_argument("-c", "--config", help="Odoo's configuration file of the copy")
        parser.add_argument("-d", "--database", help="the copy (default: the database of the configuration)")
        parser.add_argument("--seed", type=int, default=0, help="the same number invents the same people")
        given = parser.parse_args(args)
        options = [("-c", given.config), ("-d", given.database)]
        config.parse_config([part for pair in options if pair[1] for part in pair], setup_logging=True)
        if len(config["db_name"]) != 1:
            sys.exit("Name one database with -d.")

        from odoo import SUPERUSER_ID, api
        from odoo.exceptions import UserError
        from odoo.modules.registry import Registry

        from odoo.addons.pii_retention import pseudonymise

        with Registry(config["db_name"][0]).cursor() as cr:
            try:
                counts = pseudonymise.run(api.Environment(cr, SUPERUSER_ID, {}), given.seed)
            except UserError as error:
                sys.exit(str(error))
        print(f"{counts.people} people were invented, in {counts.locales} languages.")  # noqa: T201 an answer

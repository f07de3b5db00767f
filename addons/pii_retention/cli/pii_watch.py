"""``odoo-bin pii_watch``: whether the vault's scheduled work runs, asked by something that is not Odoo."""

import sys

from odoo.cli import Command
from odoo.tools import config


class PiiWatch(Command):
    """Look whether the vault's scheduled work runs and what is due is proven gone; tell the officers if not"""

    name = "pii_watch"
    epilog = """
        Run it every hour from the machine's own scheduler: where Odoo runs no scheduled action at all and nobody signs
        in, nothing in Odoo can notice that.

        Exit codes: 0 all is well, 1 something is wrong (said on the error output, and told to the privacy officers).
    """

    def run(self, args):
        parser = self.parser
        parser.add_argument("-c", "--config", help="Odoo's configuration file")
        parser.add_argument("-d", "--database", help="the database (default: the one of the configuration)")
        given = parser.parse_args(args)
        options = [("-c", given.config), ("-d", given.database)]
        config.parse_config([part for pair in options if pair[1] for part in pair], setup_logging=True)
        names = config["db_name"]
        if len(names) != 1:
            sys.exit("Name one database with -d.")

        from odoo.addons.pii_retention.watch_command import main

        sys.exit(main(names[0]))

"""``odoo-bin pii_post_restore``: what has to be done after a backup was restored, before anybody works with it."""

import sys

from odoo.cli import Command
from odoo.tools import config


class PiiPostRestore(Command):
    """Erase again whoever was erased since the backup was made, and say whose the keys are"""

    name = "pii_post_restore"
    epilog = """
        Odoo does the same when it starts. The command says what was done, and decides what Odoo asks a person for.

        Exit codes: 0 done, 1 refused (the text says why and what to do).
    """

    def run(self, args):
        parser = self.parser
        parser.add_argument("-c", "--config", help="Odoo's configuration file")
        parser.add_argument("-d", "--database", help="the restored database (default: the one of the configuration)")
        parser.add_argument(
            "--moved",
            action="store_true",
            help="this database is the original, which has moved here; the other one, if it still exists, opens "
            "nothing any more",
        )
        parser.add_argument(
            "--environment-changed",
            action="store_true",
            help="with --moved: the instance calls itself differently now (environment in the configuration)",
        )
        parser.add_argument(
            "--older-ledger",
            action="store_true",
            help="the key store was restored from an older copy: write into it what this database knows",
        )
        parser.add_argument(
            "--keys-are-lost",
            action="store_true",
            help="the key store is gone, and no backup of it is left: begin with a new one. Nobody sealed so far opens "
            "any more; credentials are entered and grants given anew",
        )
        parser.add_argument(
            "--date-is-right",
            action="store_true",
            help="you have compared the server's date: keys past their day are destroyed although days have passed",
        )
        given = parser.parse_args(args)
        options = [("-c", given.config), ("-d", given.database)]
        config.parse_config([part for pair in options if pair[1] for part in pair], setup_logging=True)
        names = config["db_name"]
        if len(names) != 1:
            sys.exit("Name one database with -d.")

        from odoo.addons.pii_retention.after_restore import main

        sys.exit(
            main(
                names[0],
                moved=given.moved,
                environment_changed=given.environment_changed,
                older_ledger=given.older_ledger,
                keys_are_lost=given.keys_are_lost,
                date_is_right=given.date_is_right,
            )
        )

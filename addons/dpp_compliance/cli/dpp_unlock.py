"""``odoo-bin dpp_unlock``: the way in when whoever could unlock an account is locked out as well."""

import sys

from odoo.cli import Command
from odoo.tools import config


class DppUnlock(Command):
    """Let an account that failed too often sign in again, before its time"""

    name = "dpp_unlock"
    epilog = """
        Privacy officers unlock accounts in Odoo. This is for the operator of the server, when nobody else can: somebody
        who knows the names of all officers can keep all of them locked out.

        Exit codes: 0 done, 1 nothing was counted for that login.
    """

    def run(self, args):
        parser = self.parser
        parser.add_argument("-c", "--config", help="Odoo's configuration file")
        parser.add_argument("-d", "--database", help="the database (default: the one of the configuration)")
        parser.add_argument("login", help="the login, exactly as it is typed at the sign-in")
        given = parser.parse_args(args)
        options = [("-c", given.config), ("-d", given.database)]
        config.parse_config([part for pair in options if pair[1] for part in pair], setup_logging=True)
        names = config["db_name"]
        if len(names) != 1:
            sys.exit("Name one database with -d.")

        from odoo.modules.registry import Registry

        from odoo.addons.dpp_compliance import lockouts

        if not lockouts.unlock(Registry(names[0]), given.login):
            sys.exit("Nothing is counted for this login: it is not locked.")
        sys.stdout.write("The account may sign in again.\n")

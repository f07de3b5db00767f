"""``odoo-bin pii_restore``: backups become a database with its files, or a key store, again."""

import sys

from odoo.cli import Command
from odoo.tools import config


class PiiRestore(Command):
    """Restore backups that pii_backup has taken"""

    name = "pii_restore"
    epilog = """
        A database and its files are restored into new places, and nothing is overwritten. Whoever was erased since is
        erased again before anybody logs in. Exit codes: 0 done, 1 refused or failed.
    """

    def run(self, args):
        parser = self.parser
        parser.add_argument("-c", "--config", help="Odoo's configuration file")
        parser.add_argument("-d", "--database", help="the new database; with --test: whose backups are tested")
        parser.add_argument("--identity", metavar="FILE", required=True, help="the age identity that opens the backups")
        parser.add_argument("--from-database", metavar="FILE", help="backup of a database")
        parser.add_argument("--from-files", metavar="FILE", help="backup of its files")
        parser.add_argument("--moved", action="store_true", help="the restored database replaces the original")
        parser.add_argument("--date-is-right", action="store_true", help="you have compared the server's date")
        parser.add_argument("--from-keys", metavar="FILE", help="backup of a key store, goes to --keys-to")
        parser.add_argument("--keys-to", metavar="FOLDER", help="empty folder, or DSN of a database, for it")
        parser.add_argument("--newest", metavar="FOLDER", help="what is left of the lost key store, or a newer copy")
        parser.add_argument("--hours", type=float, default=72, help="refuse a backup of keys at a lower age")
        parser.add_argument("--test", action="store_true", help="restore for a test only, and note it in the register")
        given = parser.parse_args(args)
        options = [("-c", given.config), ("-d", given.database)]
        config.parse_config([part for pair in options if pair[1] for part in pair], setup_logging=True)
        if len(config["db_name"]) != 1:
            sys.exit("Name one database with -d.")

        from odoo.addons.pii_retention.backups.commands import restore

        sys.exit(restore(config["db_name"][0], given))

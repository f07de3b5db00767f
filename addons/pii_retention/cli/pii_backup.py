"""``odoo-bin pii_backup``: encrypted backups of database, files and keys, each in a place of its own."""

import sys

from odoo.cli import Command
from odoo.tools import config


class PiiBackup(Command):
    """Back up the database, the files and the key store, apart from each other and encrypted"""

    name = "pii_backup"
    epilog = """
        Recipients are age public keys (age1…). Make pairs with age-keygen and keep the secret parts away from this
        machine. Every option can stand in the section [pii_retention] of the configuration file as backup_…, see
        odoo.conf.example. Own backups that have expired are deleted. Exit codes: 0 done, 1 refused or failed.
    """

    def run(self, args):
        parser = self.parser
        parser.add_argument("-c", "--config", help="Odoo's configuration file")
        parser.add_argument("-d", "--database", help="the database (default: the one of the configuration)")
        parser.add_argument("--database-to", metavar="FOLDER", help="where the backup of the database goes")
        parser.add_argument("--files-to", metavar="FOLDER", help="where the backup of the files goes")
        parser.add_argument("--keys-to", metavar="FOLDER", help="where the backup of the keys goes; without it, none")
        parser.add_argument("--recipient", action="append", metavar="age1…", help="may open database and files")
        parser.add_argument("--keys-recipient", action="append", metavar="age1…", help="may open the keys")
        parser.add_argument("--same-device", action="store_true", help="the keys may lie on the device of the others")
        given = parser.parse_args(args)
        options = [("-c", given.config), ("-d", given.database)]
        config.parse_config([part for pair in options if pair[1] for part in pair], setup_logging=True)
        if len(config["db_name"]) != 1:
            sys.exit("Name one database with -d.")

        from odoo.addons.pii_retention.backups.commands import backup

        sys.exit(backup(config["db_name"][0], given))

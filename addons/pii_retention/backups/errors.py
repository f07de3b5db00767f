"""The one error of backups."""


class BackupError(Exception):
    """A backup cannot be taken or restored as asked; a whole sentence that says what to do, without secrets."""

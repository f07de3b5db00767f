"""Backups of database, filestore and key store: taken apart, encrypted, registered, tested, and gone on their day."""

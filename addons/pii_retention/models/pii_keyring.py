import configparser
import os
import threading
from uuid import UUID, uuid5

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import config

from .. import reveal as reveal_engine
from ..crypto import CryptoError, FileKeyStore, Keyring, looks_sealed, secret_key_id

_lock = threading.Lock()
_keyrings: dict[str, Keyring] = {}

ENVIRONMENT = "PII_KEY_STORE"
SECTION = "pii_retention"
STORE_ID = "pii_retention.key_store_id"


def _configured_path() -> str | None:
    """Return the key store's directory from the environment or from Odoo's configuration file."""
    if path := os.environ.get(ENVIRONMENT):
        return path
    parser = configparser.RawConfigParser()
    parser.read([config["config"] or ""])
    return parser.get(SECTION, "key_store", fallback=None)


class PiiKeyring(models.AbstractModel):
    _name = "pii.keyring"
    _description = "Keys of the Personal Data Vault"

    @api.model
    def _keyring(self) -> Keyring:
        """Return the process's keyring, opened on first use.

        :raise UserError: when no key store is configured, or it may not be used where it stands
        """
        path = _configured_path()
        if not path:
            raise UserError(
                self.env._(
                    "No key store is configured. Add a section [%(section)s] with the line "
                    "“key_store = /a/directory/outside/the/data/directory” to Odoo's configuration file, or set the "
                    "environment variable %(variable)s, and restart Odoo.",
                    section=SECTION,
                    variable=ENVIRONMENT,
                )
            )
        try:
            with _lock:
                keyring = _keyrings.get(path)
                if keyring is None:
                    keyring = _keyrings[path] = self._open_store(path)
        except CryptoError as error:
            raise UserError(str(error)) from error
        self._check_identity(keyring)
        return keyring

    @api.model
    def _open_store(self, path: str) -> Keyring:
        """Open the store at ``path``; make it when this database has never used one."""
        forbidden = [config["data_dir"]]
        if not self._known_store_id() and not os.path.exists(os.path.join(path, "keystore.json")):
            FileKeyStore.initialise(path, forbidden=forbidden)
        store = FileKeyStore(path, forbidden=forbidden)
        store.check()
        return Keyring(store)

    @api.model
    def _known_store_id(self) -> str | bool:
        # sudo: a system parameter, no secret
        return self.env["ir.config_parameter"].sudo().get_param(STORE_ID, False)

    @api.model
    def _check_identity(self, keyring: Keyring) -> None:
        """Remember the store of this database on first use, and refuse another one later.

        An empty volume mounted in place of the real one would otherwise look like data whose keys had died.
        """
        known = self._known_store_id()
        if known and known != keyring.store_id:
            raise UserError(
                self.env._(
                    "The key store at %(path)s is not the one that this database was sealed with (%(known)s expected, "
                    "%(found)s found). Mount the right volume or restore its backup.",
                    path=_configured_path(),
                    known=known,
                    found=keyring.store_id,
                )
            )
        if not known and reveal_engine.current(self.env) is None:
            # sudo: a system parameter, no secret
            self.env["ir.config_parameter"].sudo().set_param(STORE_ID, keyring.store_id)

    @api.model
    def _is_sealed_file(self, content: bytes) -> bool:
        """Tell whether ``content`` starts like a file that the vault sealed."""
        return looks_sealed(content)

    # === SECRETS === #

    @api.model
    def _secret_uuid(self, domain: str, name: str) -> str:
        """Return the UUID under which the secret ``name`` of a key domain is sealed."""
        return str(uuid5(UUID(domain), name))

    @api.model
    def _seal_secret(self, company, name: str, plaintext: str) -> str:
        """Seal a credential of ``company``; ``name`` is bound into the token and must be given to open it.

        :raise UserError: when the key store cannot be used
        """
        domain = company._pii_domain()
        keyring = self._keyring()
        try:
            key_id = keyring.ensure(secret_key_id(domain))
            return keyring.seal_record(domain, key_id, self._secret_uuid(domain, name), "secret", {"value": plaintext})
        except CryptoError as error:
            raise UserError(str(error)) from error

    @api.model
    def _open_secret(self, company, name: str, token: str) -> str:
        """Open what :meth:`_seal_secret` returned.

        :raise UserError: naming the key when it is missing or does not fit
        """
        domain = company._pii_domain()
        keyring = self._keyring()
        try:
            return keyring.open_record(domain, self._secret_uuid(domain, name), "secret", token)["value"]
        except CryptoError as error:
            raise UserError(str(error)) from error

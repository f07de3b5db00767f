"""Wrapping: a stored key is kept encrypted under a master key that does not lie in the store.

Every wrapped key carries a *label* that says what opens it::

    none                               not wrapped
    aes256gcm:<16 hex digits>          a master key of our own, named by its fingerprint (file, environment)
    aws-kms:<ARN of the key>           AWS KMS
    transit:<mount>/<key>:v<version>   Transit of HashiCorp Vault or OpenBao

New keys are wrapped by the *primary* wrapper. Keys with another label are opened by the wrapper that knows it: while a
master key is being replaced, the old one is configured as *previous*, and both kinds of keys are readable.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ..errors import KeyStoreError, MasterKeyWrong
from ..secret import Secret


class Wrapped(NamedTuple):
    """A key as it is stored: what opens it, and the bytes (of the key itself if the label is ``none``)."""

    label: str
    blob: bytes


class Wrapper(Protocol):
    """One master key, or one key of a service.

    All methods may raise :class:`MasterKeyUnavailable`; ``unwrap`` raises :class:`MasterKeyWrong` when the blob does
    not open. A wrapped key is bound to its id: under another id it does not open.
    """

    name: str
    """Kind of master key, for people: ``none``, ``aes256gcm``, ``aws-kms``, ``transit``."""

    def current_label(self) -> str:
        """The label that :meth:`wrap` gives now (a service may have rotated its key since)."""

    def opens(self, label: str) -> bool:
        """Whether :meth:`unwrap` is the way to open keys with this label; asks nobody."""

    def wrap(self, key_id: str, secret: Secret) -> Wrapped:
        """The key, wrapped for this id."""

    def unwrap(self, key_id: str, wrapped: Wrapped) -> Secret:
        """The key in what :meth:`wrap` returned for this id."""

    def check(self) -> None:
        """Wrap and unwrap a throw-away key, and verify what the service says about its own key."""


class Plain:
    """No master key: whoever can read the store has the keys. For tests and demonstrations."""

    name = "none"

    def __repr__(self) -> str:
        return "<no master key>"

    def current_label(self) -> str:
        return "none"

    def opens(self, label: str) -> bool:
        return label == "none"

    def wrap(self, key_id: str, secret: Secret) -> Wrapped:
        return Wrapped("none", secret.expose())

    def unwrap(self, key_id: str, wrapped: Wrapped) -> Secret:
        try:
            return Secret(wrapped.blob)
        except ValueError:
            pass
        raise KeyStoreError("its file holds no 256-bit key", key_id)

    def check(self) -> None:
        pass


PLAIN = Plain()


class Wrapping:
    """The master key in use and those that were in use before.

    :param primary: wraps new keys
    :param previous: open older keys until they are re-wrapped. Keys that were never wrapped always open: a store that
        is given its first master key has nothing else
    """

    def __init__(self, primary: Wrapper = PLAIN, previous: Sequence[Wrapper] = ()) -> None:
        self.primary = primary
        self._known = [primary, *previous, *([] if primary is PLAIN else [PLAIN])]

    def __repr__(self) -> str:
        return f"Wrapping({self.primary!r})"

    @property
    def protects(self) -> bool:
        """Whether new keys are wrapped at all."""
        return not isinstance(self.primary, Plain)

    def current_label(self) -> str:
        return self.primary.current_label()

    def wrap(self, key_id: str, secret: Secret) -> Wrapped:
        return self.primary.wrap(key_id, secret)

    def unwrap(self, key_id: str, wrapped: Wrapped) -> Secret:
        """The key.

        :raises MasterKeyWrong: no configured master key has this label, or the one that has does not open it
        """
        for wrapper in self._known:
            if wrapper.opens(wrapped.label):
                return wrapper.unwrap(key_id, wrapped)
        raise MasterKeyWrong(
            f"it is wrapped with the master key '{wrapped.label}', which is not configured here; configure it, or name "
            "it among the previous master keys and re-wrap",
            key_id,
        )

    def check(self) -> None:
        """Verify every configured master key."""
        for wrapper in self._known:
            wrapper.check()

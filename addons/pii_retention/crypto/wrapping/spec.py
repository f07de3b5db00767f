"""A master key as one line of configuration."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import KeyStoreUnsafe
from .base import PLAIN, Wrapper
from .kms import KmsWrapper
from .local import LocalWrapper, master_from_environment, master_from_file
from .transit import TransitWrapper, token_source

DEFAULT_TOKEN = "env:VAULT_TOKEN"


@dataclass(frozen=True, slots=True)
class MasterOptions:
    """What a service needs besides the name of its key; ``None`` leaves the default.

    :param region: AWS region
    :param endpoint: URL of AWS KMS
    :param token: ``file:/path`` or ``env:NAME`` of Transit's token
    :param namespace: of Vault or OpenBao
    :param ca_file: certificates to trust for Transit
    """

    region: str | None = None
    endpoint: str | None = None
    token: str | None = None
    namespace: str | None = None
    ca_file: str | None = None


def wrapper_from(
    spec: str, options: MasterOptions = MasterOptions(), *, forbidden: Sequence[str | os.PathLike[str]] = ()
) -> Wrapper:
    """The wrapper for ``file:/path``, ``env:NAME``, ``aws-kms:ARN``, ``transit:https://host/mount/key`` or ``none``.

    :param forbidden: directories in which a master key's file must not lie
    :raises KeyStoreUnsafe: not one of these forms, or a place or address that must not be used
    :raises MasterKeyUnavailable: the file or variable is missing or holds no key; services are not asked yet
    """
    kind, _colon, rest = spec.strip().partition(":")
    if kind == "none" and not rest:
        return PLAIN
    if kind == "file" and rest.startswith("/"):
        return LocalWrapper(master_from_file(rest, forbidden=forbidden), f"file:{rest}")
    if kind == "env" and rest:
        return LocalWrapper(master_from_environment(rest), f"env:{rest}")
    if kind == "aws-kms" and rest:
        return KmsWrapper(rest, region=options.region, endpoint=options.endpoint)
    if kind == "transit" and rest:
        token = token_source(options.token or DEFAULT_TOKEN)
        return TransitWrapper(rest, token, namespace=options.namespace, ca_file=options.ca_file)
    raise KeyStoreUnsafe(
        "the master key has to be named file:/path, env:NAME, aws-kms:ARN, transit:https://host/mount/key or none"
    )

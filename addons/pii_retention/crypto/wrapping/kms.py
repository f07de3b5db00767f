"""AWS KMS as the holder of the master key: ``Encrypt`` and ``Decrypt``, bound to the key id by the encryption context.

https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html. KMS rotates the material of a key behind its
ARN; what was encrypted before stays readable, so that nothing has to be re-wrapped for it. The identity Odoo runs under
needs ``kms:Encrypt`` and ``kms:Decrypt`` on this one key and nothing else; a condition
``kms:EncryptionContext:purpose = odoo-pii-key`` narrows it further. ``boto3`` is needed only here.
"""

import logging
import os
import re
from typing import Any

from ..errors import KeyStoreUnsafe, MasterKeyUnavailable, MasterKeyWrong
from ..secret import KEY_BYTES, Secret
from .base import Wrapped
from .http import check_url

_ARN = re.compile(r"arn:aws[a-z-]*:kms:([a-z0-9-]+):[0-9]{12}:key/[A-Za-z0-9-]{1,64}")
_PURPOSE = "odoo-pii-key"
_CONNECT_SECONDS, _READ_SECONDS, _ATTEMPTS = 5, 10, 3

_REASONS = {
    "AccessDeniedException": "the identity that Odoo runs under may not use it (kms:Encrypt and kms:Decrypt)",
    "NotFoundException": "it does not exist in this account and region",
    "DisabledException": "it is disabled",
    "KMSInvalidStateException": "it is pending deletion or not usable in its present state",
    "InvalidKeyUsageException": "it is not a symmetric encryption key",
    "ThrottlingException": "it is asked too often",
    "UnrecognizedClientException": "the AWS credentials are not valid",
    "InvalidSignatureException": "the AWS credentials are not valid, or the clock is wrong",
    "ExpiredTokenException": "the AWS credentials have expired",
}


class KmsWrapper:
    """A :class:`~.base.Wrapper` on one key of AWS KMS. Credentials come from where boto3 finds them (role, profile).

    :param arn: of the key itself, not of an alias: an alias can be pointed at another key
    :param region: default: the ARN's
    :param endpoint: another URL than AWS's own: a VPC endpoint; https, or http on this machine
    :raises MasterKeyUnavailable: boto3 is not installed
    :raises KeyStoreUnsafe: not the ARN of a key, or a URL without TLS
    """

    name = "aws-kms"

    def __init__(self, arn: str, *, region: str | None = None, endpoint: str | None = None) -> None:
        found = _ARN.fullmatch(arn)
        if not found:
            raise KeyStoreUnsafe("the master key at AWS KMS has to be named by its ARN (arn:aws:kms:…:key/…)")
        if endpoint:
            check_url(endpoint)
        try:
            import boto3  # noqa: PLC0415 - only who uses KMS needs it
            from botocore.config import Config  # noqa: PLC0415
        except ImportError:
            raise MasterKeyUnavailable("the master key is at AWS KMS, which needs boto3: pip install boto3") from None
        for library in ("boto3", "botocore", "urllib3"):
            logging.getLogger(library).setLevel(logging.INFO)  # their debug lines print requests, keys included
        self._arn = arn
        self._region = region or found[1]
        self._endpoint = endpoint or None
        self._boto3, self._config = (
            boto3,
            Config(
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=_READ_SECONDS,
                retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            ),
        )
        self._made: tuple[int, Any] | None = None

    @property
    def _client(self) -> Any:
        """This process's client; the connections of a parent process are left alone."""
        if self._made is None or self._made[0] != os.getpid():
            session = self._boto3.session.Session()
            client = session.client("kms", region_name=self._region, endpoint_url=self._endpoint, config=self._config)
            self._made = (os.getpid(), client)
        return self._made[1]

    def __repr__(self) -> str:
        return f"<master key {self._arn}>"

    def current_label(self) -> str:
        return f"{self.name}:{self._arn}"

    def opens(self, label: str) -> bool:
        return label == self.current_label()

    def wrap(self, key_id: str, secret: Secret) -> Wrapped:
        answer = self._call("encrypt", key_id, Plaintext=secret.expose())
        return Wrapped(self.current_label(), answer["CiphertextBlob"])

    def unwrap(self, key_id: str, wrapped: Wrapped) -> Secret:
        answer = self._call("decrypt", key_id, CiphertextBlob=wrapped.blob)
        try:
            return Secret(answer["Plaintext"])
        except ValueError:
            pass
        raise MasterKeyWrong("AWS KMS returned something that is no 256-bit key", key_id)

    def check(self) -> None:
        probe = Secret(os.urandom(KEY_BYTES))
        if self.unwrap("check", self.wrap("check", probe)) != probe:
            raise MasterKeyWrong("AWS KMS does not open what it wrapped")

    def _call(self, operation: str, key_id: str, **parameters: Any) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError  # noqa: PLC0415

        client = self._client
        context = {"purpose": _PURPOSE, "key_id": key_id}
        try:
            return getattr(client, operation)(KeyId=self._arn, EncryptionContext=context, **parameters)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "unknown"))
        except NoCredentialsError:
            code, reason = "", "no AWS credentials were found for the user that runs Odoo"
        except BotoCoreError as error:
            code, reason = "", f"it cannot be reached ({type(error).__name__}); check network, region and endpoint"
        if code in ("InvalidCiphertextException", "IncorrectKeyException"):
            raise MasterKeyWrong(
                f"the master key {self._arn} does not open it: it was altered, or wrapped for another id or key",
                key_id,
            )
        if code:
            reason = f"{_REASONS.get(code, 'the service refused')} ({code})"
        raise MasterKeyUnavailable(f"the master key {self._arn} at AWS KMS cannot be used: {reason}", key_id)

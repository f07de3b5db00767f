"""The queue at AWS SQS: boto3 behind three calls.

A class of a module, no methods of a model: it holds the secret key.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# Their debug lines print requests with the key's name, and whole messages with a buyer's postcode.
for _library in ("boto3", "botocore", "urllib3"):
    logging.getLogger(_library).setLevel(logging.INFO)

AT_ONCE = 10
"""Messages that SQS gives and deletes at once, at most."""
LONGEST_WAIT = 20


class QueueError(Exception):
    """The queue cannot be used now. The text is for an administrator and holds no secret."""


@dataclass(frozen=True, slots=True)
class Message:
    """:param handle: what the message is deleted by, for this receipt"""

    handle: str = field(repr=False)
    body: str = field(repr=False)


class Queue:
    """One queue.

    :param url: the queue's address, as SQS shows it
    :param endpoint: of the SQS service, "" for AWS's own
    """

    def __init__(self, url: str, region: str, access_key: str, secret_key: str, endpoint: str = "") -> None:
        self._url = url
        self._client = boto3.client(
            "sqs",
            region_name=region,
            endpoint_url=endpoint or None,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=Config(connect_timeout=5, read_timeout=LONGEST_WAIT + 10, retries={"total_max_attempts": 2}),
        )

    def arn(self) -> str:
        """The queue's ARN, which Amazon is told. :raise QueueError:"""
        answer = self._call("get_queue_attributes", AttributeNames=["QueueArn"])
        return answer.get("Attributes", {}).get("QueueArn", "")

    def receive(self, wait: int) -> list[Message]:
        """Up to ten messages, waiting for the first of them `wait` seconds at most. :raise QueueError:"""
        answer = self._call(
            "receive_message", MaxNumberOfMessages=AT_ONCE, WaitTimeSeconds=max(0, min(wait, LONGEST_WAIT))
        )
        return [Message(row["ReceiptHandle"], row.get("Body", "")) for row in answer.get("Messages", [])]

    def delete(self, messages: Iterable[Message]) -> int:
        """Delete messages; returns how many SQS kept: those come again. :raise QueueError:"""
        entries = [{"Id": str(index), "ReceiptHandle": one.handle} for index, one in enumerate(messages)]
        if not entries:
            return 0
        return len(self._call("delete_message_batch", Entries=entries).get("Failed", []))

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        try:
            return getattr(self._client, operation)(QueueUrl=self._url, **arguments)
        except ClientError as error:
            # the code alone: the text of some errors quotes what was signed
            raise QueueError(error.response.get("Error", {}).get("Code", "refused")) from None
        except BotoCoreError as error:
            raise QueueError(type(error).__name__) from None


def region_of(url: str) -> str:
    """The region in the address of a queue at AWS, "" if it is none."""
    parts = (urlsplit(url).hostname or "").split(".")
    return parts[1] if len(parts) > 3 and parts[0] == "sqs" and parts[2] == "amazonaws" else ""

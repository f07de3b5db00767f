"""A record (field name → text) as bytes: one spelling per record, and a length that tells little."""

import json
from collections.abc import Mapping

from .errors import InvalidName, MalformedToken


def encode_record(record: Mapping[str, str], pad_to: int) -> bytes:
    """Canonical JSON in UTF-8 (sorted keys, no spaces), filled up with spaces to a multiple of ``pad_to`` bytes.

    JSON ignores the trailing spaces, so nothing has to be removed on reading. Without the filling, the length of a
    ciphertext would tell a short name from a long one. Text that is not valid Unicode (half a surrogate pair, as a
    channel that cuts texts by length produces) is kept as it is.

    :param pad_to: 1 for no filling
    :raises InvalidName: if a field name or value is not a text; the value is not shown
    """
    if not isinstance(record, Mapping):
        raise InvalidName("A record maps field names to texts.")
    for name, value in record.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise InvalidName("A record maps field names to texts; leave empty fields out instead of passing None.")
    text = json.dumps(dict(record), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    data = text.encode("utf-8", "surrogatepass")
    return data + b" " * (-len(data) % pad_to)


def decode_record(data: bytes) -> dict[str, str]:
    """The inverse of :func:`encode_record`.

    :raises MalformedToken: if the (authentic) bytes are no record, such as a value sealed by other code
    """
    try:
        record = json.loads(data.decode("utf-8", "surrogatepass"))
    except ValueError:
        record = None
    # Raised outside the handler: the decoder's exception carries the plaintext and must not ride along as context.
    if not isinstance(record, dict) or not all(isinstance(value, str) for value in record.values()):
        raise MalformedToken("its content is not a record")
    return record

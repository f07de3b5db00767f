"""``python -m sandbox.printer``: start the local printer."""

from __future__ import annotations

import argparse
import sys

from .queues import Printer, default_queues
from .server import run


def main() -> int:
    """Parse the command line and serve; one clear sentence and a non-zero status if that cannot be."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.printer", description="A local IPP printer.")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 (the default) takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--certificate", help="PEM file: serve ipps:// with this certificate")
    parser.add_argument("--key", help="PEM file with the certificate's key")
    options = parser.parse_args()
    try:
        run(Printer(default_queues()), options.host, options.port, options.certificate, options.key)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        print(f"Cannot start on {options.host}:{options.port}: {reason}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())

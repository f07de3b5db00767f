"""``python -m sandbox``: start the local Amazon."""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys

from .server import StateInUse, run


def main() -> int:
    """Parse the command line and serve; one clear sentence and a non-zero status if that cannot be."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A local Amazon Selling Partner API.")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 (the default) takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--state", default=":memory:", help="SQLite file that keeps everything; in memory without it")
    parser.add_argument("--seed", type=int, default=1, help="seed of a new state's orders (default: %(default)s)")
    parser.add_argument(
        "--control-token",
        default=os.environ.get("SANDBOX_CONTROL_TOKEN"),
        help="what the control API asks for (default: the environment's SANDBOX_CONTROL_TOKEN)",
    )
    options = parser.parse_args()
    try:
        run(options.host, options.port, options.state, options.seed, options.control_token)
    except StateInUse:
        print(f"Another sandbox is running on {options.state}.", file=sys.stderr)
        return 1
    except sqlite3.Error as error:
        print(f"The state file {options.state} cannot be used: {error}.", file=sys.stderr)
        return 1
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        print(f"Cannot start on {options.host}:{options.port} with {options.state}: {reason}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Put before everything else on the path of a process, this moves its clock: ``MOVED_CLOCK`` seconds on, ticking on.

What PostgreSQL calls now stays as it is: the product takes its days from the process.
"""

import os
from datetime import UTC, datetime, timedelta

seconds = float(os.environ.get("MOVED_CLOCK") or 0)
if seconds:
    from freezegun import freeze_time

    freeze_time(datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=seconds), tick=True).start()

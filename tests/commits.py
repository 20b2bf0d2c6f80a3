"""Waiting for the moment from which readers in commit order see what was written."""

import time

from apps.core import db


def wait_for_readers(within_s: int = 60) -> None:
    """Until no event is younger than a running transaction of the cluster: another test's, in another database, holds readers back too."""
    end = time.monotonic() + within_s
    younger = "SELECT EXISTS (SELECT 1 FROM events_event WHERE xid >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint)"
    while db.one(younger)[0]:
        assert time.monotonic() < end, "a transaction of this cluster never ends"
        time.sleep(0.02)

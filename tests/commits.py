"""Waiting for the moment from which readers in commit order see what was written, and for what the dead left open to be over."""

import time

from apps.core import db
from tests.engines import superuser


def wait_for_readers(within_s: int = 60) -> None:
    """Until no event is younger than a running transaction of the cluster: another test's, in another database, holds readers back too."""
    end = time.monotonic() + within_s
    younger = "SELECT EXISTS (SELECT 1 FROM events_event WHERE xid >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint)"
    while db.one(younger)[0]:
        assert time.monotonic() < end, "a transaction of this cluster never ends"
        time.sleep(0.02)


def wait_for_the_dead(within_s: int = 60) -> None:
    """Until no session is in the middle of a transaction: what a killed process had sent is done, or undone.

    The superuser looks: a role sees nothing of what the sessions of another are at.
    """
    end = time.monotonic() + within_s
    left = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()"
    while superuser().execute(left).fetchone() != (0,):
        assert time.monotonic() < end, "a dead process still holds its transaction"
        time.sleep(0.02)

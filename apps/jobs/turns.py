"""One run of a sweep at a time: a tick that finds the one before it still at work does nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

from apps.core import db


@contextmanager
def turn(name: str) -> Iterator[bool]:
    """Whether it is ours to run now. The lock is the database session's: it ends with this block, and with the process at the latest."""
    mine = bool(db.one("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (f"turn:{name}",))[0])
    try:
        yield mine
    finally:
        if mine:
            db.run("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (f"turn:{name}",))

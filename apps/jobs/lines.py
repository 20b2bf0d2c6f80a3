"""A line of work for each rail, and for each long sweep: threads beside the worker's tasks, so that one which hangs, or has much to do,
holds up neither the others nor a task.

A worker that is killed loses its threads, as it would lose the task: what was under way is a row, and found by the next tick.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable

from django.db import connection

from apps.core import money

from .turns import turn

PATIENCE_S = 1  # for which a tick waits for the lines that it began; one that takes longer goes on without it
log = logging.getLogger(__name__)
_running: dict[str, threading.Thread] = {}
_lock = threading.Lock()


def run_each(work: Iterable[tuple[str, Callable[[], object]]]) -> list[str]:
    """Begin each line that is not at work, here or in another worker; the names of those begun."""
    begun = {name: thread for name, do in work if (thread := _begin(name, do)) is not None}
    end = time.monotonic() + PATIENCE_S
    for thread in begun.values():
        thread.join(timeout=max(0, end - time.monotonic()))
    return list(begun)


def _begin(name: str, do: Callable[[], object]) -> threading.Thread | None:
    with _lock:
        if (old := _running.get(name)) is not None and old.is_alive():
            return None
        thread = _running[name] = threading.Thread(target=_run, args=(name, do), name=f"line-{name}", daemon=True)
        thread.start()
        return thread


def _run(name: str, do: Callable[[], object]) -> None:
    money.use_exact_context()
    try:
        with turn(name) as mine:
            if mine:
                do()
    except Exception:
        log.exception("%s", name)
    finally:
        connection.close()


def wait() -> None:
    """Until every line of this process has ended."""
    for thread in list(_running.values()):
        thread.join()

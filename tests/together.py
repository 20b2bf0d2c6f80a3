"""Run the same thing in many threads at once, each with a database connection of its own; or a coroutine in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections

from apps.core import money


def together(number: int, run: Callable[[int], Any]) -> list[Any]:
    """What `run(0)` … `run(number - 1)` gave, started at one barrier; an exception stands in its result's place."""
    out: list[Any] = [None] * number
    gate = threading.Barrier(number)

    def body(index: int) -> None:
        money.use_exact_context()
        gate.wait()
        try:
            out[index] = run(index)
        except Exception as no:
            out[index] = no
        finally:
            connections.close_all()

    threads = [threading.Thread(target=body, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=100)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    return out


def apart(story: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine gave, run in a thread of its own: the browser's tests leave a running loop behind in theirs."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, story).result()

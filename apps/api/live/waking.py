"""How a reader of this process waits: for what wakes it, or until it looks by itself."""

import asyncio
import contextlib


async def woken(wake: asyncio.Event, look_ms: int) -> None:
    """Until `wake` is set, or for `look_ms`; it is clear afterwards."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(look_ms / 1000):
            await wake.wait()
    wake.clear()

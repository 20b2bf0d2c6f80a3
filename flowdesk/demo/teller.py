"""Progress bars on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class Teller:
    """Progress bars on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def say(self, line: str) -> None:
        self.console.print(line, highlight=False)

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Any]:
        """A function that is called after each step."""
        began = time.monotonic()
        if self.console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            with Progress(*columns, console=self.console) as progress:
                task = progress.add_task(title, total=total)
                yield lambda: progress.advance(task)
            return
        self.say(f"{title} …")
        yield lambda: None
        self.say(f"{title}: done in {time.monotonic() - began:.1f} s")

"""What `manage.py verify` proves on a live database: one function a line, in the order in which they are printed."""

from collections.abc import Iterator, Sequence

from . import close, credit, deals, events, ledger, people, settlement, walls
from .lines import Finding, Line

LINES: tuple[Line, ...] = (
    *deals.LINES,
    *events.LINES,
    *ledger.LINES,
    *credit.LINES,
    *settlement.LINES,
    *people.LINES,
    *close.LINES,
    *walls.LINES,
)


def run(only: Sequence[str] = ()) -> Iterator[Finding]:
    """Prove each line in turn; the caller has opened one snapshot for all of them.

    :param only: names of lines; default all
    :raises KeyError: no line has this name
    """
    by_name = {line.name: line for line in LINES}
    for line in [by_name[name] for name in only] if only else LINES:
        yield line.prove()


__all__ = ["LINES", "Finding", "Line", "run"]

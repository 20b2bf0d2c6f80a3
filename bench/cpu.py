"""Processor time of the benches' own processes: says more than the clock where other work shares the machine."""

import os
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def used_s(*roots: int) -> float:
    """Seconds of processor time of these processes and all below them, ended children that were waited for included."""
    below: dict[int, list[int]] = {}
    times: dict[int, float] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            told = entry.read_text()
        except OSError:
            continue  # it ended meanwhile
        pid, fields = int(told.split(" ", 1)[0]), told.rpartition(") ")[2].split()
        below.setdefault(int(fields[1]), []).append(pid)
        times[pid] = sum(map(int, fields[11:15])) * _TICK_S
    total, waiting = 0.0, list(roots)
    while waiting:
        pid = waiting.pop()
        total += times.get(pid, 0.0)
        waiting += below.get(pid, [])
    return total


def parent_of(pid: int) -> int:
    """E.g. the postmaster of a backend."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])

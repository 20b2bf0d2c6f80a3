"""The event streams over a line that is cut in mid-stream: sync and asyncio, no gap, no repeat; a snapshot; a session signed anew."""

import asyncio

import pytest
from flowdesk_client import AsyncEventStream, EventStream, Frame, HistoryLost, LiveClosed, Snapshot

from tests.client.conftest import Relay
from tests.live.conftest import Firm, found_firm, write_events
from tests.together import apart

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = 300


@pytest.fixture
def acme(transactional_db: None) -> Firm:
    return found_firm("acme")


def write(acme: Firm, rounds: int = 3) -> None:
    for _ in range(rounds):
        write_events(acme.client_id, COUNT // rounds)


def test_cut_in_mid_stream_it_goes_on_where_it_was(relay: Relay, acme: Firm) -> None:
    write(acme)
    stream, seen = EventStream(f"ws://{relay.authority}", acme.key, after_seq=0), []
    for frame in stream:
        assert isinstance(frame, Frame)
        seen.append(frame.seq)
        if frame.seq in {20, 100, 220}:
            relay.cut()
        if frame.seq == COUNT:
            break
    stream.close()
    assert seen == list(range(1, COUNT + 1))
    assert (stream.reconnects >= 1, stream.last_seq) == (True, COUNT)


def test_asyncio_too_and_it_signs_the_session_anew(relay: Relay, acme: Firm) -> None:
    async def story() -> list[int]:
        seen: list[int] = []
        stream = AsyncEventStream(f"ws://{relay.authority}", acme.key, after_seq=0, reauth_s=0.2)
        writing = asyncio.create_task(asyncio.to_thread(write, acme))
        async for frame in stream:  # a signature that does not hold would end it
            assert isinstance(frame, Frame)
            seen.append(frame.seq)
            if frame.seq in {50, 150}:
                relay.cut()
            if frame.seq == COUNT:
                break
        await writing
        await stream.close()
        return seen

    assert apart(story()) == list(range(1, COUNT + 1))


def test_a_snapshot_comes_before_what_happens(relay: Relay, acme: Firm) -> None:
    write(acme, 1)
    stream = EventStream(f"ws://{relay.authority}", acme.key, snapshot=True)
    parts: list[Snapshot] = []
    for heard in stream:
        if isinstance(heard, Snapshot):
            parts.append(heard)
            if heard.complete:
                write_events(acme.client_id)
        elif isinstance(heard, Frame):
            assert heard.seq == COUNT + 1
            break
    stream.close()
    assert {one.last_seq for one in parts} == {COUNT}
    assert [one.complete for one in parts] == [False] * (len(parts) - 1) + [True]


def test_what_is_too_old_is_said_and_replaced_by_a_snapshot(relay: Relay, acme: Firm) -> None:
    write_events(acme.client_id, 2, days_ago=8)
    found = []
    for heard in EventStream(f"ws://{relay.authority}", acme.key, after_seq=0):
        found.append(heard)
        if isinstance(heard, Snapshot) and heard.complete:
            break
    assert found[0] == HistoryLost(2)
    assert isinstance(found[1], Snapshot)


def test_who_is_not_understood_is_told_and_does_not_come_back(relay: Relay, acme: Firm) -> None:
    with pytest.raises(LiveClosed):
        list(EventStream(f"ws://{relay.authority}", acme.key, channels=("nonsense",)))

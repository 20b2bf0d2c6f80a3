"""A key that names some accounts of its client hears of those and of the client, and can still prove that nothing was lost."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from flowdesk_client import EventStream, Key

from apps.clients import operations as clients
from apps.clients.models import Account, Counterparty
from apps.clients.queries import find_key
from apps.core import clock, db, ids
from apps.core.unit import use_case
from apps.events import queries as events
from apps.notify.operations import posts
from apps.notify.queries import webhooks
from apps.pricing.feeds import bus
from apps.workflows import manage_webhooks
from tests import web as webs
from tests import world
from tests.engines import superuser
from tests.live.conftest import Firm, LiveProcess, open_socket, write_events
from tests.live.test_commands import RFQ, ask
from tests.live.test_live import PARTS, hear, hear_each, hear_next, say, take

HOW: dict[str, Any] = {"url": "https://hooks.example.com/x", "description": "", "types": (), "ordered": True, "scheme": "v1a"}


@use_case
def _open_second(*, now: datetime, client_id: UUID) -> UUID:
    """A second account of the firm, which its member may not use."""
    owner = Counterparty.objects.get(id=client_id)
    return clients.create_account(owner=owner, code=f"{owner.code}-two", name="Two", is_default=False).id


@dataclass(frozen=True)
class Two:
    """A firm with two accounts and a key for the first."""

    firm: Firm
    first: UUID
    second: UUID

    @property
    def narrow(self) -> Key:
        return self.firm.key


@pytest.fixture
def two(acme: Firm) -> Two:
    return Two(acme, Account.objects.get(owner_id=acme.client_id).id, _open_second(client_id=acme.client_id))


def refuse(client_id: UUID, by: UUID) -> None:
    """A refusal, as the API records it: it names no account, but who asked."""
    write_events(client_id, nudge=False)
    with superuser() as hand:
        hand.execute("SET session_replication_role = replica")  # past the wall that keeps events as they were written
        hand.execute(
            "UPDATE events_event SET kind = 'rfq.refused', subject_type = 'request', actor_id = %s "
            "WHERE client_id = %s AND client_seq = (SELECT last_seq FROM events_counter WHERE client_id = %s)",
            [by, client_id, client_id],
        )


def write_a_mixture(two: Two) -> None:
    """1 first · 2, 3 second · 4 the client's · 5 first · 6 second"""
    client_id = two.firm.client_id
    for account, count in ((two.first, 1), (two.second, 2), (None, 1), (two.first, 1), (two.second, 1)):
        write_events(client_id, count, account_id=account, nudge=False)


def test_events_of_other_accounts_are_told_as_skipped_numbers(live: LiveProcess, two: Two) -> None:
    write_a_mixture(two)
    with open_socket(live, two.narrow) as socket:
        say(socket, op="sub", ch="events", after_seq=0)
        assert hear(socket)["last_seq"] == 6
        told = [hear(socket) for _ in range(5)]
        assert [m.get("seq") or (m["op"], m["from"], m["to"]) for m in told] == [1, ("skipped", 2, 3), 4, 5, ("skipped", 6, 6)]
        say(socket, op="ack", ch="events", seq=6)
        write_events(two.firm.client_id, 2, account_id=two.second)
        assert hear_next(socket, op="skipped") == {"op": "skipped", "ch": "events", "from": 7, "to": 8}
        write_events(two.firm.client_id, account_id=two.first)
        assert hear_next(socket, ch="events", op=None)["seq"] == 9


def test_the_client_library_proves_that_nothing_is_missing(live: LiveProcess, two: Two) -> None:
    write_a_mixture(two)
    write_events(two.firm.client_id, account_id=two.first)
    stream = EventStream(live.url, two.narrow, after_seq=0)
    assert [frame.seq for frame in take(stream, 4)] == [1, 4, 5, 7]
    assert stream.last_seq == 7


def test_rest_tells_the_same_with_how_far_the_page_goes(two: Two) -> None:
    write_a_mixture(two)
    grant = find_key(two.narrow.key_id)
    assert grant is not None
    page = events.read_page(actor=grant.actor(), whole=lambda: False, after_seq=0, limit=3)
    assert ([e.client_seq for e in page.shown], page.skipped, page.through_seq) == ([1], [(2, 3)], 3)
    rest = events.read_page(actor=grant.actor(), whole=lambda: False, after_seq=3, limit=100)
    assert ([e.client_seq for e in rest.shown], rest.skipped, rest.through_seq) == ([4, 5], [(6, 6)], 6)


def test_a_refusal_is_for_the_member_that_asked_and_for_keys_of_the_whole_client(two: Two) -> None:
    grant = find_key(two.narrow.key_id)
    assert grant is not None
    refuse(two.firm.client_id, grant.member_id)
    refuse(two.firm.client_id, ids.uuid7())
    narrow = events.read_page(actor=grant.actor(), whole=lambda: False, after_seq=0, limit=9)
    whole = events.read_page(actor=grant.actor(), whole=lambda: True, after_seq=0, limit=9)
    assert ([e.client_seq for e in narrow.shown], narrow.skipped) == ([1], [(2, 2)])
    assert ([e.client_seq for e in whole.shown], whole.skipped) == ([1, 2], [])


def test_a_webhook_hears_what_the_key_that_made_it_sees(two: Two) -> None:
    narrow = find_key(two.narrow.key_id)
    assert narrow is not None
    made, _ = manage_webhooks.create_webhook(actor=narrow.actor(), **HOW)
    assert made.account_ids == [two.first]
    write_a_mixture(two)
    refuse(two.firm.client_id, ids.uuid7())
    _queue()
    sent = list(webhooks.list_posts(made, at=clock.wall_now()).order_by("seq").values_list("event__account_id", flat=True))
    assert sent == [None, two.first, None, two.first]  # its own creation, then what it may hear
    replayed = manage_webhooks.replay_deliveries(actor=narrow.actor(), endpoint_id=made.id, after_seq=0, since=None, until=None)
    assert replayed.queued == 4
    assert list(webhooks.visible_to(narrow.actor())) == [made]


@use_case
def _queue(*, now: datetime) -> None:
    posts.queue(limit=100, at=clock.wall_now())


def test_a_key_sees_no_webhook_that_hears_more_than_it(two: Two) -> None:
    narrow = find_key(two.narrow.key_id)
    assert narrow is not None
    made, _ = manage_webhooks.create_webhook(actor=narrow.actor(), **HOW)
    db.run("UPDATE notify_endpoint SET account_ids = NULL WHERE id = %s", (made.id,))
    assert list(webhooks.visible_to(narrow.actor())) == []


# --- all that is open, for who was away too long ----------------------------------------------------------------------
def snapshot_of(socket: Any) -> tuple[dict[str, list[Any]], int]:
    found: dict[str, list[Any]] = {name: [] for name in PARTS}
    while not (part := hear_next(socket, op="snapshot")).get("complete"):
        found[part["part"]] += part["data"]
    return found, part["last_seq"]


def test_a_snapshot_shows_all_that_is_open_as_rest_does_and_the_stream_goes_on_from_it(live: LiveProcess) -> None:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    acme = world.firm("acme")
    key = webs.key_for(acme.trader)
    with open_socket(live, key) as socket:
        quote = ask(socket, "rfq", body=RFQ)["body"]["quote"]
        deal = {"client_order_id": "o-1", "side": "buy", "price": quote["buy"]["price"]}
        trade = ask(socket, "accept", "c-2", "a" * 16, quote_id=quote["id"], body=deal)["body"]
        standing = ask(socket, "rfq", "c-3", "b" * 16, body=RFQ | {"client_rfq_id": "r-2", "quantity": "1"})["body"]
        say(socket, op="sub", ch="events", snapshot=True)
        told = hear_next(socket, op="subscribed")
        found, seq = snapshot_of(socket)
        assert told["after_seq"] == seq == 4
        assert found["trades"] == [trade]
        assert [r["id"] for r in found["rfqs"]] == [standing["id"]]
        assert [q["id"] for q in found["quotes"]] == [standing["quote"]["id"]]
        assert found["rfqs"][0]["quote"]["id"] == standing["quote"]["id"]
        assert {(o["direction"], o["asset"]) for o in found["obligations"]} == {("receive", "BTC"), ("pay", "USD")}
        assert {b["asset"]: b["payable"] for b in found["balances"]}["BTC"] == "2"
        assert {line["level"] for line in found["credit"]} >= {"CLIENT"}
        say(socket, op="cancel", id="c-4", idempotency_key="c" * 16, rfq_id=standing["id"])
        event, answer = hear_each(socket, {"ch": "events", "op": None}, {"op": "answer", "id": "c-4"})
        assert (event["seq"], answer["status"]) == (5, 200)


def test_after_seven_days_away_the_snapshot_comes_by_itself_and_shows_no_other_account(live: LiveProcess, two: Two) -> None:
    write_events(two.firm.client_id, 3, days_ago=8)
    with open_socket(live, two.narrow) as socket:
        say(socket, op="sub", ch="events", after_seq=1)
        told = hear(socket)
        assert (told["recovered"], told["after_seq"]) == (False, 3)
        assert snapshot_of(socket)[1] == 3

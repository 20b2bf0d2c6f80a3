"""Webhooks to a real receiver: at least once, in order, tried again by the clock, signed, and nobody waits for a dead one."""

import itertools
import os
import signal
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import IntegrityError, transaction
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from apps.core import clock, db, ids, sealing
from apps.core.unit import use_case
from apps.events import operations as events
from apps.events.models import Event
from apps.jobs import events as driver
from apps.jobs import webhooks as jobs
from apps.notify.errors import EndpointDisabled
from apps.notify.models import Attempt, Delivery, Endpoint, Post, SigningKey
from apps.notify.queries import webhooks as queries
from apps.notify.rails import https
from apps.notify.rules import schedule
from apps.workflows import manage_webhooks as stories
from apps.workflows.deliver_webhooks import lease_post
from tests import world
from tests.commits import wait_for_readers
from tests.notify.receiver import Clock, Receiver, receiving
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _noon(transactional_db: None) -> None:
    clock.freeze_desk(world.NOON)


@pytest.fixture
def acme() -> world.Firm:
    return world.firm("acme")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as it:
        yield it


@pytest.fixture
def now() -> Clock:
    return Clock()


def endpoint(firm: world.Firm, url: str, *types: str, ordered: bool = True, scheme: str = "v1a") -> Endpoint:
    made, _ = keyed(firm, url, *types, ordered=ordered, scheme=scheme)
    return made


def keyed(firm: world.Firm, url: str, *types: str, ordered: bool = True, scheme: str = "v1a") -> Any:
    return stories.create_webhook(actor=firm.trader, url=url, description="", types=types, ordered=ordered, scheme=scheme)


@use_case
def tell(*, firm: world.Firm, kind: str = "trade.booked", about: UUID | None = None, note: str = "", now: Any) -> None:
    events.record(
        kind, subject_type="test", subject_id=about or ids.uuid7(), client_id=firm.client_id, public={"id": "trd_1", "note": note}
    )


def deliver(now: Clock, **kw: Any) -> int:
    """Everything that is due, and what becomes due by it, at this moment of the clock."""
    jobs.queue_due(now)
    return jobs.send_some(now, **kw)


def notes(receiver: Receiver) -> list[str]:
    return [m.event["data"]["note"] for m in receiver.taken if "note" in m.event["data"]]


def of_kind(receiver: Receiver, kind: str) -> list[Any]:
    return [m for m in receiver.taken if m.event["type"] == kind]


# --- what goes where --------------------------------------------------------------------------------------------------
def test_an_event_arrives_once_with_the_words_of_the_event_table(acme: world.Firm, receiver: Receiver, now: Clock) -> None:
    hook = endpoint(acme, receiver.url, "trade.booked")
    tell(firm=acme, note="first")
    tell(firm=acme, kind="rfq.quoted", note="not wanted")
    assert deliver(now) == 1
    [message] = receiver.got
    event = Event.objects.get(kind="trade.booked")
    assert message.event == {
        "type": "trade.booked",
        "timestamp": event.recorded_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "id": ids.encode("evt", event.id),
        "seq": event.client_seq,
        "data": event.public,
    }
    assert (message.id, message.path) == (message.event["id"], "/hook?token=in-the-path")
    assert message.headers["content-type"] == "application/json"
    assert deliver(now) == 0, "told once"
    post = Post.objects.get()
    assert (post.status, post.attempts, post.tries, post.leased_until) == ("SENT", 1, 0, None)
    [attempt] = Attempt.objects.all()
    assert (attempt.number, attempt.status_code, attempt.error, attempt.answer) == (1, 200, "", "said 200")
    hook.refresh_from_db()
    assert hook.last_seq == 3, "its own place: created, booked, quoted"


def test_no_types_means_all_and_each_client_gets_its_own(acme: world.Firm, receiver: Receiver, now: Clock) -> None:
    borealis = world.firm("borealis")
    endpoint(acme, receiver.url)
    tell(firm=borealis, note="theirs")
    tell(firm=acme, note="ours")
    deliver(now)
    assert [m.event["type"] for m in receiver.got] == ["webhook.created", "trade.booked"]
    assert notes(receiver) == ["ours"]


def test_what_was_before_the_endpoint_is_not_sent_but_can_be_replayed(acme: world.Firm, receiver: Receiver, now: Clock) -> None:
    tell(firm=acme, note="before")
    hook = endpoint(acme, receiver.url, "trade.booked")
    assert deliver(now) == 0
    done = stories.replay_deliveries(actor=acme.trader, endpoint_id=hook.id, after_seq=0, since=None, until=None)
    assert (done.queued, done.complete) == (1, True)
    now.move(seconds=1)
    deliver(now)
    assert notes(receiver) == ["before"]


def test_house_facts_never_leave(acme: world.Firm, receiver: Receiver, now: Clock) -> None:
    endpoint(acme, receiver.url, "trade.booked")

    @use_case
    def whisper(*, now: Any) -> None:
        events.record("trade.booked", subject_type="x", subject_id=ids.uuid7(), client_id=acme.client_id, house={"secret": 1})

    whisper()
    assert deliver(now) == 0


# --- signatures -------------------------------------------------------------------------------------------------------
def verified_v1a(message: Any, public: bytes) -> bool:
    content = f"{message.id}.{message.headers['webhook-timestamp']}.".encode() + message.body
    for given in message.headers["webhook-signature"].split():
        version, _, text = given.partition(",")
        assert version == "v1a"
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(b64decode(text), content)
        except InvalidSignature:
            continue
        return True
    return False


def test_v1_holds_by_the_independent_library(acme: world.Firm, receiver: Receiver, now: Clock) -> None:
    hook, key = keyed(acme, receiver.url, scheme="v1")
    tell(firm=acme)
    deliver(now)
    secret = key.to_hand_over()
    assert secret.startswith("whsec_")
    for message in receiver.got:
        assert Webhook(secret).verify(message.body, message.headers) == message.event
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(message.body + b" ", message.headers)
    assert SigningKey.objects.get().public_key is None
    assert key.secret not in bytes(SigningKey.objects.get().sealed), "sealed"
    assert hook.id


def test_v1a_holds_by_hand(acme: world.Firm, receiver: Receiver, now: Clock) -> None:
    endpoint(acme, receiver.url)
    deliver(now)
    [message] = receiver.got
    kept = SigningKey.objects.get()
    assert verified_v1a(message, bytes(kept.public_key or b""))
    message.body += b" "
    assert not verified_v1a(message, bytes(kept.public_key or b""))


def test_for_a_day_after_a_rotation_both_keys_sign(acme: world.Firm, receiver: Receiver, now: Clock) -> None:
    hook, old = keyed(acme, receiver.url, "trade.booked", scheme="v1")
    _, new = stories.rotate_webhook(actor=acme.trader, endpoint_id=hook.id, scheme=None)
    tell(firm=acme)
    deliver(now)
    [both] = receiver.got
    assert len(both.headers["webhook-signature"].split()) == 2
    for key in (old, new):
        Webhook(key.to_hand_over()).verify(both.body, both.headers)
    now.move(hours=25)
    tell(firm=acme)
    deliver(now)
    assert len(receiver.got[-1].headers["webhook-signature"].split()) == 1
    _, third = stories.rotate_webhook(actor=acme.trader, endpoint_id=hook.id, scheme="v1a")
    assert third.scheme == "v1a"
    live = queries.live_keys(hook, clock.wall_now())
    assert [k.generation for k in live] == [3, 2], "the first one ended when the third came"


def test_a_key_sealed_under_a_former_secret_key_still_signs(acme: world.Firm, receiver: Receiver, now: Clock, settings: Any) -> None:
    endpoint(acme, receiver.url, "trade.booked")
    tell(firm=acme)
    before = settings.SECRET_KEY
    settings.SECRET_KEY = "another one, fifty characters long or so, it does not matter"
    assert deliver(now) == 1
    assert Attempt.objects.get().error == "key_unreadable"
    assert receiver.got == [], "never unsigned"
    settings.SECRET_KEY_FALLBACKS = [before]
    now.move(seconds=10)
    assert deliver(now) == 1
    assert len(receiver.taken) == 1


def test_a_sealed_key_opens_in_its_own_row_only() -> None:
    sealed = sealing.seal(b"secret", context="webhook:a:1:v1")
    assert sealing.unseal(sealed, context="webhook:a:1:v1") == b"secret"
    with pytest.raises(sealing.CannotUnseal):
        sealing.unseal(sealed, context="webhook:b:1:v1")
    assert sealing.seal(b"secret", context="x") != sealing.seal(b"secret", context="x")


# --- failures ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("mode", "error", "status"),
    [(500, "status", 500), (404, "status", 404), ("redirect", "redirect", 302), ("garbage", "bad_answer", None), (204, "", 204)],
)
def test_only_2xx_is_an_answer(acme: world.Firm, receiver: Receiver, now: Clock, mode: Any, error: str, status: int | None) -> None:
    receiver.mode = mode
    endpoint(acme, receiver.url)
    assert deliver(now) == 1
    attempt = Attempt.objects.get()
    assert (attempt.error, attempt.status_code) == (error, status)
    assert len(receiver.got) == 1, "no redirect is followed"


def test_an_answer_without_an_end_is_cut_and_counts(acme: world.Firm, receiver: Receiver, now: Clock) -> None:
    receiver.mode = "huge"
    endpoint(acme, receiver.url)
    assert deliver(now) == 1
    assert Post.objects.get().status == "SENT"
    assert Attempt.objects.get().answer == "x" * schedule.ANSWER_BYTES


def test_a_receiver_that_never_or_slowly_answers_ends_at_the_deadline(
    acme: world.Firm, receiver: Receiver, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = https.post
    monkeypatch.setattr(https, "post", lambda target, **kw: real(target, **kw, deadline_s=1))
    for mode in ("never", "drip"):
        receiver.mode = mode
        endpoint(acme, receiver.url, f"{mode}.x")
        tell(firm=acme, kind=f"{mode}.x")
        began = time.monotonic()
        assert deliver(now) == 1
        assert time.monotonic() - began > 0.9, mode
        assert Attempt.objects.latest("began_at", "id").error == "timeout"


def test_nobody_listening_is_a_failure(acme: world.Firm, now: Clock) -> None:
    endpoint(acme, "http://127.0.0.1:9/")
    deliver(now)
    assert Attempt.objects.get().error == "connect_failed"


def test_the_schedule_is_walked_then_degraded_then_a_try_a_day_and_recovered(acme: world.Firm, receiver: Receiver, now: Clock) -> None:
    receiver.mode = 500
    hook = endpoint(acme, receiver.url, "rfq.quoted")
    began = now.at
    tell(firm=acme, kind="rfq.quoted", note="kept")
    assert deliver(now) == 1
    for number, step in enumerate(schedule.STEPS_S, 1):
        post = Post.objects.get()
        wait = (post.next_try_at - now.at).total_seconds()
        assert step <= wait <= step * 1.1 + 1, number
        now.move(seconds=wait - 0.001)
        assert deliver(now) == 0, "not before its time"
        hook.refresh_from_db()
        assert hook.status == "ACTIVE", number
        now.move(seconds=1)
        assert deliver(now) == 1, number
    hook.refresh_from_db()
    assert hook.status == "DEGRADED"
    assert timedelta(hours=75) < now.at - began < timedelta(hours=84)
    wait_for_readers()
    driver.drive("email")
    [mail] = Delivery.objects.all()
    assert (mail.recipient, mail.subject) == ("ops@acme.example", f"Your webhook endpoint does not answer · {ids.encode('whe', hook.id)}")
    assert "token" not in mail.body, "the path may be a secret of theirs"
    now.move(hours=27)
    assert deliver(now) == 1, "a try a day, for ever"
    wait_for_readers()
    driver.drive("email")
    assert Delivery.objects.count() == 1, "said once"
    receiver.mode = 200
    now.move(hours=27)
    assert deliver(now) == 1
    hook.refresh_from_db()
    assert (hook.status, hook.failures, hook.failing_since) == ("ACTIVE", 0, None)
    assert notes(receiver) == ["kept"]
    assert {m.id for m in receiver.got} == {receiver.got[0].id}, "the same id at every try"
    assert len({m.body for m in receiver.got}) == 1
    assert Event.objects.filter(kind="webhook.recovered").count() == 1


def test_a_receiver_asks_for_patience(acme: world.Firm, receiver: Receiver, now: Clock) -> None:
    receiver.mode = 429
    endpoint(acme, receiver.url)
    deliver(now)
    assert Post.objects.get().next_try_at == now.at + timedelta(seconds=1800)


def test_a_receiver_down_for_a_day_misses_nothing_and_gets_each_object_in_order(acme: world.Firm, receiver: Receiver, now: Clock) -> None:
    receiver.mode = 503
    endpoint(acme, receiver.url, "trade.booked")
    objects = [ids.uuid7() for _ in range(7)]
    number = itertools.count()
    for _ in range(24 * 6):
        for _ in range(2):
            n = next(number)
            tell(firm=acme, about=objects[n % 7], note=f"{n % 7}:{n}")
        deliver(now)
        now.move(minutes=10)
    assert receiver.taken == []
    asked = len(receiver.got)
    assert asked < 400, "a dead receiver is left in peace: about one try in ten minutes"
    receiver.mode = 200
    for _ in range(12):
        deliver(now)
        now.move(minutes=1)
    assert sorted(notes(receiver), key=lambda note: int(note.split(":")[1])) == [f"{n % 7}:{n}" for n in range(288)], "each once"
    for about in range(7):
        mine = [int(note.split(":")[1]) for note in notes(receiver) if note.startswith(f"{about}:")]
        assert mine == sorted(mine), "in order"
    assert not Post.objects.exclude(status="SENT").exists()


def test_one_message_that_is_refused_holds_its_object_only(acme: world.Firm, receiver: Receiver, now: Clock) -> None:
    receiver.mode = lambda m: 500 if m.event["data"].get("note") == "bad" else 200
    endpoint(acme, receiver.url, "trade.booked")
    one, other = ids.uuid7(), ids.uuid7()
    for about, note in ((one, "bad"), (one, "after bad"), (other, "x"), (other, "y")):
        tell(firm=acme, about=about, note=note)
    deliver(now)
    assert notes(receiver) == ["x", "y"]
    receiver.mode = 200
    now.move(seconds=20)
    deliver(now)
    assert notes(receiver) == ["x", "y", "bad", "after bad"]


def test_in_parallel_nothing_waits_for_a_refused_one(acme: world.Firm, receiver: Receiver, now: Clock) -> None:
    receiver.mode = lambda m: 500 if m.event["data"].get("note") == "bad" else 200
    endpoint(acme, receiver.url, "trade.booked", ordered=False)
    one = ids.uuid7()
    for note in ("bad", "after bad"):
        tell(firm=acme, about=one, note=note)
    deliver(now)
    assert notes(receiver) == ["after bad"]


# --- many at once -----------------------------------------------------------------------------------------------------
def test_eight_senders_send_each_message_once_and_bounded(acme: world.Firm, receiver: Receiver, now: Clock) -> None:
    receiver.mode = "slow"
    endpoint(acme, receiver.url, "trade.booked")
    objects = [ids.uuid7() for _ in range(6)]
    for n in range(24):
        tell(firm=acme, about=objects[n % 6], note=f"{n % 6}:{n}")
    found = together(8, lambda _: deliver(now))
    assert not [one for one in found if isinstance(one, Exception)], found
    deliver(now)
    assert len(receiver.got) == 24
    assert sum(found) <= 24
    assert 1 < receiver.most_busy <= schedule.AT_ONCE
    for about in range(6):
        mine = [int(note.split(":")[1]) for note in notes(receiver) if note.startswith(f"{about}:")]
        assert mine == sorted(mine)
    assert Attempt.objects.count() == 24


def test_a_dead_receiver_delays_nobody(acme: world.Firm, receiver: Receiver, now: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    real = https.post
    monkeypatch.setattr(https, "post", lambda target, **kw: real(target, **kw, deadline_s=100))  # nothing but its answer ends a try
    borealis = world.firm("borealis")
    with receiving("never") as dead:
        endpoint(acme, dead.url, "trade.booked", ordered=False)
        for n in range(30):
            tell(firm=acme, note=str(n))
        endpoint(borealis, receiver.url, "trade.booked")
        for n in range(20):
            tell(firm=borealis, note=str(n))
        jobs.queue_due(now)
        began = time.monotonic()
        while len(receiver.taken) < 20:
            assert time.monotonic() - began < 60, "the living one waits for the dead one"
            jobs.send_webhooks()
            time.sleep(0.1)
        assert dead.most_busy == schedule.AT_ONCE
        assert jobs.senders.running >= schedule.AT_ONCE
        dead.mode = 500
        dead.release.set()
        while jobs.senders.running:
            assert time.monotonic() - began < 30
            time.sleep(0.05)


_SENDER = "import django; django.setup(); from apps.jobs import webhooks; webhooks.queue_due(); webhooks.send_some()"


def test_what_a_killed_worker_had_in_hand_goes_out_again(acme: world.Firm, now: Clock) -> None:
    with receiving("never") as receiver:
        endpoint(acme, receiver.url)
        env = {**os.environ, "FLOWDESK_PROCESS": "worker", "DJANGO_SETTINGS_MODULE": "flowdesk.settings"}
        worker = subprocess.Popen([sys.executable, "-c", _SENDER], cwd=ROOT, env=env)
        end = time.monotonic() + 60
        while not receiver.got:
            assert worker.poll() is None, "the worker ended"
            assert time.monotonic() < end, "nothing came"
            time.sleep(0.02)
        worker.send_signal(signal.SIGKILL)
        worker.wait(30)
        receiver.mode = 200
        now.move(seconds=1)
        assert deliver(now) == 0, "still leased"
        now.move(seconds=schedule.LEASE_S + 60)
        assert deliver(now) == 1
        assert len(receiver.taken) == 1
        assert len({m.id for m in receiver.got}) == 1, "the receiver can tell that it is the same"
    assert [(a.number, a.error) for a in Attempt.objects.order_by("number")] == [(1, "sender_lost"), (2, "")]
    assert Post.objects.get().status == "SENT"


def test_an_answer_that_comes_after_the_lease_is_not_kept_twice(acme: world.Firm, receiver: Receiver, now: Clock) -> None:
    endpoint(acme, receiver.url)
    jobs.queue_due(now)
    _, first = lease_post(at=now(), but=())
    assert first is not None
    now.move(seconds=schedule.LEASE_S)
    assert deliver(now) == 1
    assert jobs.send(first, now) is False
    assert Post.objects.get().status == "SENT"
    assert Attempt.objects.count() == 2


def test_a_transaction_that_is_late_to_commit_loses_no_event(acme: world.Firm, receiver: Receiver, now: Clock) -> None:
    """Eight writers and a reader all at once: every number arrives, in order."""
    endpoint(acme, receiver.url, "trade.booked")
    about = ids.uuid7()
    found = together(8, lambda i: [tell(firm=acme, about=about) for _ in range(10)] if i else [deliver(now) for _ in range(20)])
    assert not [one for one in found if isinstance(one, Exception)], found
    deliver(now)
    seqs = [m.event["seq"] for m in receiver.taken]
    assert seqs == list(range(2, 72))


# --- by the client's hand ---------------------------------------------------------------------------------------------
def test_resend_ping_replay_and_disable(acme: world.Firm, receiver: Receiver, now: Clock) -> None:
    hook = endpoint(acme, receiver.url, "trade.booked")
    for n in range(3):
        tell(firm=acme, note=str(n))
    deliver(now)
    event = Event.objects.get(public__note="1")
    stories.resend_delivery(actor=acme.trader, endpoint_id=hook.id, event_id=event.id)
    now.move(seconds=5)
    deliver(now)
    assert notes(receiver) == ["0", "1", "2", "1"]
    ping = stories.ping_webhook(actor=acme.trader, endpoint_id=hook.id)
    deliver(now)
    [pinged] = of_kind(receiver, "webhook.pinged")
    assert pinged.id == ids.encode("evt", ping)
    stories.replay_deliveries(actor=acme.trader, endpoint_id=hook.id, after_seq=event.client_seq or 0, since=None, until=None)
    now.move(seconds=5)
    deliver(now)
    assert notes(receiver) == ["0", "1", "2", "1", "2"], "exclusive, and no ping again"
    stories.disable_webhook(actor=acme.trader, endpoint_id=hook.id)
    stories.disable_webhook(actor=acme.trader, endpoint_id=hook.id)
    assert Event.objects.filter(kind="webhook.disabled").count() == 1
    tell(firm=acme, note="while disabled")
    assert deliver(now) == 0
    for call in (
        lambda: stories.ping_webhook(actor=acme.trader, endpoint_id=hook.id),
        lambda: stories.resend_delivery(actor=acme.trader, endpoint_id=hook.id, event_id=event.id),
        lambda: stories.replay_deliveries(actor=acme.trader, endpoint_id=hook.id, after_seq=0, since=None, until=None),
    ):
        with pytest.raises(EndpointDisabled):
            call()
    stories.change_webhook(actor=acme.trader, endpoint_id=hook.id, url=None, description=None, types=None, ordered=None, enable=True)
    tell(firm=acme, note="enabled")
    deliver(now)
    assert notes(receiver)[-1] == "enabled"
    assert "while disabled" not in notes(receiver)


def test_a_replay_is_bounded_and_goes_on_where_it_stopped(acme: world.Firm, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "MAX_REPLAY", 4)
    for n in range(10):
        tell(firm=acme, note=str(n))
    hook = endpoint(acme, receiver.url, "trade.booked")
    seen, after = [], 0
    while True:
        done = stories.replay_deliveries(actor=acme.trader, endpoint_id=hook.id, after_seq=after, since=None, until=None)
        seen.append(done.queued)
        if done.complete:
            break
        after = done.through_seq
    assert seen == [4, 4, 2]
    assert Post.objects.count() == 10


def test_a_replay_by_time_takes_what_was_recorded_in_it(acme: world.Firm, receiver: Receiver) -> None:
    hook = endpoint(acme, receiver.url, "trade.booked")
    for n in range(3):
        tell(firm=acme, note=str(n))
    first, second, third = Event.objects.filter(kind="trade.booked").order_by("client_seq")
    done = stories.replay_deliveries(actor=acme.trader, endpoint_id=hook.id, after_seq=0, since=second.recorded_at, until=third.recorded_at)
    assert done.queued == 0, "not yet queued for the first time: that comes by itself"
    jobs.queue_due()
    done = stories.replay_deliveries(actor=acme.trader, endpoint_id=hook.id, after_seq=0, since=second.recorded_at, until=third.recorded_at)
    assert done.queued == 1
    assert first.recorded_at < second.recorded_at


def test_a_new_address_is_tried_at_once(acme: world.Firm, receiver: Receiver, now: Clock) -> None:
    hook = endpoint(acme, "http://127.0.0.1:9/")
    for _ in range(8):
        deliver(now)
        now.move(hours=3)
    hook.refresh_from_db()
    assert hook.failures > schedule.BREAK_AFTER
    stories.change_webhook(
        actor=acme.trader, endpoint_id=hook.id, url=receiver.url, description=None, types=None, ordered=None, enable=False
    )
    deliver(now)
    assert [m.event["type"] for m in receiver.taken] == ["webhook.created", "webhook.changed"]


# --- walls ------------------------------------------------------------------------------------------------------------
def refused(sql: str, by: str) -> None:
    with pytest.raises(IntegrityError, match=r".+") as no, transaction.atomic():
        db.run(sql)
    assert no.value.__cause__.diag.constraint_name == by  # type: ignore[union-attr]


def test_raw_sql_meets_the_walls(acme: world.Firm, receiver: Receiver, now: Clock) -> None:
    borealis = world.firm("borealis")
    endpoint(acme, receiver.url)
    tell(firm=borealis)
    deliver(now)
    add = (
        "INSERT INTO notify_post (id, endpoint_id, event_id, seq, object_id, status, tries, attempts, next_try_at, created_at) "
        "SELECT gen_random_uuid(), e.id, v.id, v.client_seq, v.subject_id, 'PENDING', 0, 0, now(), now() "
        "FROM notify_endpoint e, events_event v WHERE v.client_id <> e.client_id AND v.client_seq IS NOT NULL LIMIT 1"
    )
    refused(add, "notify_post_own")
    refused("UPDATE notify_endpoint SET last_seq = last_seq - 1", "notify_endpoint_forward")
    refused("UPDATE notify_endpoint SET client_id = gen_random_uuid()", "notify_endpoint_frozen")
    refused("UPDATE notify_endpoint SET failures = 1", "endpoint_failing_since")
    refused("UPDATE notify_post SET seq = 9", "notify_post_frozen")
    refused("UPDATE notify_post SET attempts = 9", "notify_post_counts")
    refused("UPDATE notify_post SET status = 'RETRYING'", "notify_post_status_moves")
    refused("UPDATE notify_signingkey SET sealed = '\\x00'", "notify_signingkey_frozen")
    db.run("UPDATE notify_signingkey SET expires_at = now()")
    refused("UPDATE notify_signingkey SET expires_at = NULL", "notify_signingkey_ends")
    refused(
        "INSERT INTO notify_attempt (id, post_id, number, began_at, took_ms, error, answer) "
        "SELECT gen_random_uuid(), id, 2, now(), 0, '', '' FROM notify_post",
        "notify_attempt_begun",
    )
    db.run("UPDATE notify_post SET status = 'PENDING', attempts = attempts + 1")
    refused("UPDATE notify_post SET status = 'SENT', sent_at = now()", "notify_post_answered")
    for sql in ("UPDATE notify_attempt SET took_ms = 0", "DELETE FROM notify_attempt", "DELETE FROM notify_post"):
        with pytest.raises(Exception, match="permission denied"), transaction.atomic():
            db.run(sql)

"""Commands of the client library over a live socket: REST's models, refusals and keys; a line that is cut; channels; asyncio."""

import asyncio
import itertools
import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flowdesk_client import AsyncLiveClient, EventStream, FlowdeskError, Key, LiveClient, LiveClosed, Refused
from flowdesk_client.following import Following
from websockets.sync.server import serve

from apps.core import clock
from apps.pricing.feeds import bus
from apps.rfqs.models import Rfq
from apps.trades.models import Trade
from apps.workflows.stream_quotes import stream_quote
from tests import web as webs
from tests import world
from tests.client.conftest import Relay
from tests.live.conftest import superuser
from tests.together import apart

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.django_db(transaction=True)
BUY: dict[str, Any] = {"instrument": "BTC-USD", "side": "buy"}


@pytest.fixture
def key(acme: world.Firm) -> Key:
    return webs.key_for(acme.trader)


@pytest.fixture
def live(relay: Relay, key: Key) -> Iterator[LiveClient]:
    with LiveClient(f"ws://{relay.authority}", key) as client:
        yield client


def test_each_command_has_the_models_and_refusals_of_rest(live: LiveClient) -> None:
    rfq = live.rfq(**BUY, quantity=D(2), idempotency_key="r" * 20)
    assert rfq.quote is not None and rfq.quote.buy is not None
    assert live.rfq(**BUY, quantity=D(2), client_rfq_id=rfq.client_rfq_id, idempotency_key="r" * 20).id == rfq.id, "a key is one request"
    with pytest.raises(Refused) as no:
        live.accept(rfq.quote.id, side="buy", price=D(1))
    assert (no.value.status, no.value.code) == (422, "price_mismatch")
    trade = live.accept(rfq.quote.id, side="buy", price=rfq.quote.buy.price)
    assert (trade.price, Trade.objects.count()) == (rfq.quote.buy.price, 1)
    other = live.rfq(**BUY, quantity=D(1)).quote
    assert other is not None and other.buy is not None
    assert live.counter(other.id, side="buy", price=other.buy.price - 1).status == "RECEIVED"
    third = live.rfq(**BUY, quantity=D(1))
    assert third.quote is not None and live.decline(third.quote.id).status == "DECLINED"
    assert live.cancel(live.rfq(**BUY, quantity=D(1)).id).status == "CANCELLED"
    assert live.order(**BUY, quantity=D(1), limit_price=D(99_999), time_in_force="FOK").price > 0
    with pytest.raises(Refused, match="price_not_met"):
        live.order(**BUY, quantity=D(1), limit_price=D(1), time_in_force="FOK")
    with pytest.raises(FlowdeskError, match="no command"):
        live.ask("GET", "/api/v1/rfqs", dict)
    assert (Trade.objects.count(), live.reconnects) == (2, 0)


def soon(so: Callable[[], Any]) -> None:
    until = time.monotonic() + 60
    while not so():
        assert time.monotonic() < until, "it does not come"
        time.sleep(0.01)


def test_an_answer_that_is_lost_is_asked_for_again_with_its_key(live: LiveClient, relay: Relay) -> None:
    found: list[Any] = []
    damage = superuser()
    live.cancel(live.rfq(**BUY, quantity=D(1)).id)  # the socket is there
    before = relay.calls
    asking = threading.Thread(target=lambda: found.append(live.rfq(**BUY, quantity=D(2))))
    damage.execute("BEGIN")
    try:
        damage.execute("LOCK TABLE rfqs_rfq IN EXCLUSIVE MODE")
        asking.start()
        soon(lambda: damage.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'rfqs_rfq'::regclass").fetchone())
        relay.cut()  # the command is under way, and its answer goes nowhere
        soon(lambda: relay.calls > before)  # and it is asked for again, over another socket
    finally:
        damage.execute("ROLLBACK")
    asking.join(60)
    assert found[0].quote is not None
    assert Rfq.objects.filter(client_rfq_id=found[0].client_rfq_id).count() == 1


def test_channels_go_on_over_lost_sockets(live: LiveClient, relay: Relay) -> None:
    ladders = live.hear("prices.BTC-USD", sizes=(D(1), D(5)), timeout_s=20)
    first = next(ladders)
    assert (first.type, [step["quantity"] for step in first.data["ladder"]]) == ("ladder", ["1", "5"])
    rfq = live.rfq(**BUY, quantity=D(2), stream=True)
    assert rfq.quote is not None
    states = live.hear(f"rfq.{rfq.id}", timeout_s=20)
    assert next(states).type == "rfq.state"
    clock.freeze_desk(world.NOON + timedelta(seconds=1))
    depth = world.depth(mid="20100", at=world.NOON + timedelta(seconds=1))
    stream_quote(rfq_id=Rfq.objects.get().id, depth=depth, usd_per_quote=D(1))
    replaced = next(states)
    assert replaced.type == "quote.replaced"
    relay.cut()
    again = next(states)
    assert (again.type, again.data["quote"]["id"]) == ("rfq.state", replaced.data["id"])
    assert live.reconnects >= 1
    bus.publish([depth])
    assert next(frame for frame in ladders if frame.data["mid"] == "20100").type == "ladder"
    with pytest.raises(LiveClosed, match="not_found"):
        next(live.hear("rfq.rfq_" + "0" * 26, timeout_s=20))


def test_asyncio_too(relay: Relay, key: Key) -> None:
    async def story() -> str:
        async with AsyncLiveClient(f"ws://{relay.authority}", key) as live:
            rfq = await live.rfq(**BUY, quantity=D(2))
            assert rfq.quote is not None and rfq.quote.buy is not None
            relay.cut()
            async for frame in live.hear("prices.BTC-USD", timeout_s=20):
                assert frame.data["pair"] == "BTC-USD"
                break
            with pytest.raises(Refused, match="price_mismatch"):
                await live.accept(rfq.quote.id, side="buy", price=D(1))
            other = (await live.rfq(**BUY, quantity=D(1))).quote
            assert other is not None and other.buy is not None
            return (await live.accept(other.id, side="buy", price=other.buy.price)).id

    assert apart(story()).startswith("trd_")
    assert Trade.objects.count() == 1


def test_a_key_that_opens_nothing_is_refused_as_over_rest(relay: Relay, key: Key) -> None:
    stranger = Key("ak_test_0000000000000000", key.private)
    with LiveClient(f"ws://{relay.authority}", stranger) as live, pytest.raises(Refused) as no:
        live.rfq(**BUY, quantity=D(1))
    assert (no.value.status, no.value.code) == (401, "invalid_signature")


def test_the_deals_over_a_socket_in_the_page_of_the_api_run_as_they_are_printed(relay: Relay, key: Key, tmp_path: Path) -> None:
    page = (ROOT / "docs/api.md").read_text()
    blocks = [one for one in re.findall(r"^```bash\n(.*?)^```$", page, re.DOTALL | re.MULTILINE) if "localhost:8001" in one]
    assert len(blocks) == 2, "with our library, and without"
    for name in (".venv", "clients"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "var").mkdir()
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    (tmp_path / "var/key.json").write_text(json.dumps({"key_id": key.key_id, "private_key_pem": pem}))
    (tmp_path / "var/key.json").chmod(0o600)
    for text in blocks:
        script = text.replace("localhost:8001", relay.authority)
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=250, check=False)
        assert done.returncode == 0, done.stderr
        assert "QUOTED" in done.stdout and "trd_" in done.stdout
    assert Trade.objects.count() == 2


class Rubbish:
    """A server whose first socket of each kind says what it should not; the next one answers as the API does."""

    def __init__(self, *said: str) -> None:
        self.todo, self.sockets = list(said), 0
        self._server = serve(self._talk, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _talk(self, socket: Any) -> None:
        self.sockets += 1
        for text in socket:
            asked = json.loads(text)
            if asked["op"] == "sub" and asked["ch"] == "status":
                continue
            if self.todo:
                socket.send(self.todo.pop(0).replace("ID", asked.get("id", "")))
                continue
            if asked["op"] == "sub":
                socket.send(json.dumps({"ch": asked["ch"], "seq": 1, "ts": "t", "type": "tick", "id": "1", "data": {}}))
                continue
            answer = json.dumps({"op": "answer", "id": asked["id"], "status": 422, "body": {"code": "heard"}})
            socket.send(answer)
            socket.send(answer)  # told twice

    def close(self) -> None:
        self._server.shutdown()


RUBBISH = ("no json", "[1]", '{"op":"answer","id":"ID"}', '{"ch":"prices.BTC-USD"}', '{"op":"answer","id":"ID","status":"x","body":{}}')


def test_a_socket_that_says_rubbish_is_given_up_and_the_next_one_is_heard() -> None:
    key = Key("ak_test_0000000000000000", Ed25519PrivateKey.generate())
    one = Rubbish(*RUBBISH)
    with LiveClient(one.url, key, attempts=9, timeout_s=5, sleep=lambda _: None) as live:
        for _ in range(2):
            with pytest.raises(Refused, match="heard"):
                live.rfq(**BUY, quantity=D(1))
        assert one.sockets == len(RUBBISH) + 1
    two = Rubbish(*RUBBISH[:2])
    with LiveClient(two.url, key) as live:
        assert next(live.hear("prices.BTC-USD", timeout_s=20)).type == "tick"
        assert live.reconnects == 2
    three = Rubbish(*RUBBISH)

    async def story() -> None:
        async with AsyncLiveClient(three.url, key, attempts=9, timeout_s=5, sleep=lambda _: asyncio.sleep(0)) as live:
            with pytest.raises(Refused, match="heard"):
                await live.rfq(**BUY, quantity=D(1))
            three.todo = [RUBBISH[0]]
            async for frame in live.hear("prices.BTC-USD", timeout_s=20):
                assert (frame.type, live.reconnects) == ("tick", 1)
                break

    apart(story())
    for server in (one, two, three):
        server.close()


BAD_EVENTS = (
    "no json", "[1]", "\ud83d" + "{}",
    '{"ch":"events","seq":1}', '{"op":"skipped","ch":"events","from":1}', '{"op":"snapshot","ch":"events"}',
    '{"ch":"events","seq":"1","ts":"t","type":"x","id":"e","data":{}}', "[" * 100_000,
)  # fmt: skip


def test_a_stream_of_events_gives_rubbish_up_too_and_goes_on_where_it_was() -> None:
    key = Key("ak_test_0000000000000000", Ed25519PrivateKey.generate())
    following = Following("ws://127.0.0.1", key, after_seq=0, events=True, snapshot=False, channels=(), reauth_s=60)
    for said in BAD_EVENTS:
        with pytest.raises(ConnectionError):
            list(following.heard(said.encode("utf-8", "surrogatepass")))
        assert following.last_seq == 0
    server = Rubbish(*BAD_EVENTS[:1])
    stream = EventStream(server.url, key, after_seq=0)
    assert [frame.seq for frame in itertools.islice(stream, 1)] == [1]  # type: ignore[union-attr]
    assert (stream.reconnects, server.sockets) == (1, 2)
    stream.close()
    server.close()

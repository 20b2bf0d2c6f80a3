"""A sandbox's web process, its first client, and clients of their own that start over in it."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flowdesk_client import Client, Key
from flowdesk_client.keys import public_key_of
from flowdesk_client.models import Rfq

from apps.clients.models import Account
from apps.core import clock
from apps.pricing.feeds import bus
from tests import web as webs
from tests import world

HEADER = "Flowdesk-Scenario"


@dataclass
class Sandbox:
    web: webs.Web
    first: Client
    now: list[Decimal] = field(default_factory=lambda: [Decimal(0)])

    def as_scenario(self, name: str, key: Key | None = None, **options: Any) -> Client:
        options = {"attempts": 1, "headers": {HEADER: name} if name else None} | options
        return Client(self.web.url, key or self.first.api.key, **options)

    def fresh(self) -> Key:
        """A client of one's own, with nothing behind it."""
        private = Ed25519PrivateKey.generate()
        made = self.first.api.post("/api/v1/sandbox/clients", {"public_key": public_key_of(Key("", private))})
        return Key(made["keys"][0]["key_id"], private)

    def treasury(self) -> Any:
        """The first client's member who settles."""
        return world.actor_of(Account.objects.get(code="walker-main"), "Treasury")

    def advance(self, seconds: int) -> None:
        self.first.api.post("/api/v1/sandbox/clock", {"advance_s": seconds})
        self.price()

    def price(self) -> None:
        """A price of this moment."""
        bus.publish([world.depth(at=clock.desk_now())])


def ask(client: Client, size: Decimal = Decimal(1), side: Any = "buy") -> Rfq:
    return client.rfqs.create(instrument="BTC-USD", side=side, quantity=size)


class Firm:
    """A client of the tester's own: who trades, who settles, who approves."""

    def __init__(self, sandbox: Sandbox, mode: str = "CREDIT", *, netting: bool = True) -> None:
        private = [Ed25519PrivateKey.generate() for _ in range(3)]
        named = ("public_key", "treasury_public_key", "controller_public_key")
        body = {name: public_key_of(Key("", one)) for name, one in zip(named, private, strict=True)} | {"mode": mode, "netting": netting}
        made = sandbox.first.api.post("/api/v1/sandbox/clients", body)
        self.account, self.second = made["account_id"], made["second_account_id"]
        keys = [Key(one["key_id"], mine) for one, mine in zip(made["keys"], private, strict=True)]
        self.trader, self.treasury, self.controller = (Client(sandbox.web.url, key, attempts=1) for key in keys)
        self.sandbox = sandbox

    def act(self, name: str, thing: str | None = None) -> dict[str, Any]:
        """What our people do, by this name."""
        body = {"act": name} | ({"id": thing} if thing else {})
        return dict(self.treasury.api.post("/api/v1/sandbox/client/acts", body))

    def deal(self, size: str = "1", side: str = "sell", scenario: str = "") -> str:
        self.sandbox.price()
        rfq = ask(self.trader, Decimal(size), side)
        assert rfq.quote is not None
        sides = rfq.quote.buy if side == "buy" else rfq.quote.sell
        assert sides is not None
        with self.sandbox.as_scenario(scenario, self.trader.api.key) as client:
            return client.quotes.accept(rfq.quote.id, side=side, price=sides.price).id  # type: ignore[arg-type]

"""Named people and firms that the tests' stories happen to."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from apps.clients import queries as clients
from apps.clients.models import Account
from apps.core.actor import Actor
from apps.instruments import queries as instruments
from apps.pricing.rules import Composite, Level, Source
from apps.workflows.onboard_client import Applicant, Instruction, onboard_client

D = Decimal
NOON = datetime(2026, 9, 15, 12, 0, tzinfo=UTC)  # a Tuesday
PAIRS = ("BTC-USD", "ETH-USD", "BTC-EUR", "EUR-USD")
INSTRUCTIONS = {
    "acme": (
        Instruction("fedwire-usd", "USD", "021000021-1001", "CHASUS33"),
        Instruction("target-eur", "EUR", "DE89370400440532013000", "COBADEFF"),
        Instruction("bitcoin-btc", "BTC", "bc1qacme0000000000000000000000000000000000"),
        Instruction("ethereum-eth", "ETH", "0xacme000000000000000000000000000000000001"),
    ),
}


@dataclass(frozen=True)
class Firm:
    account: Account
    trader: Actor
    treasury: Actor

    @property
    def client_id(self) -> UUID:
        return self.account.owner_id


def firm(code: str, mode: str = "CREDIT", line: Decimal | None = D(10_000_000), book: str = "main", **terms: object) -> Firm:
    """An approved client with a trader and a treasurer; its deals go to `book`."""
    entity = instruments.get_entity("flowdesk")
    lei = {"acme": "ACMEDEMO000000000103", "borealis": "BOREALISDEMO00000159", "cygnus": "CYGNUSDEMO0000000160"}.get(code, "")
    account = onboard_client(
        applicant=Applicant(
            code=code,
            name=f"{code.title()} Capital",
            lei=lei,
            country="GB",
            email=f"ops@{code}.example",
            mode=mode,
            line=line if mode != "PREFUNDED" else None,
            **{"pairs": PAIRS, "instructions": INSTRUCTIONS.get(code, ()), **terms},  # type: ignore[arg-type]
        ),
        entity_id=entity.id,
        book_id=instruments.get_book(book).id,
        approved_by=None,
    )
    return Firm(account, actor_of(account, "Trader"), actor_of(account, "Treasury"))


def actor_of(account: Account, name: str) -> Actor:
    member = clients.get_member(account.owner_id, f"{account.owner.code} {name}")
    authority = clients.list_authorities(member.id)
    return Actor(
        kind="MEMBER",
        id=member.id,
        name=member.name,
        client_id=account.owner_id,
        roles=frozenset(role for a in authority for role in a.roles),
        scopes=frozenset({"read", "quote", "trade", "withdraw"}),
        account_ids=frozenset(a.account_id for a in authority),
    )


def depth(pair: str = "BTC-USD", mid: str = "20000", at: datetime = NOON, size: str = "100", half_spread: str = "1") -> Composite:
    """A book with one level a side, wide enough for most tests."""
    m, h = D(mid), D(half_spread)
    return Composite(
        pair=pair,
        bids=(Level(m - h, D(size)),),
        asks=(Level(m + h, D(size)),),
        as_of=at,
        sources=(Source("alpha", pair, at, 0, m),),
        sigma=D("0.5"),
    )


def later(at: datetime, **delta: float) -> datetime:
    return at + timedelta(**delta)

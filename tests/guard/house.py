"""Two rival firms, each with one of everything, and keys of every kind: what the matrices are tried on."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal as D
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from flowdesk_client import Key

from apps.clients import operations as clients
from apps.clients import rules
from apps.clients.rules import SCOPES
from apps.clients.states import ClientStatus
from apps.core import clock, db, ids
from apps.core.unit import use_case
from apps.jobs import settlement as jobs
from apps.ledger import queries as ledger
from apps.pricing.feeds import bus
from apps.rfqs.operations import Ask
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.workflows.adjust import Wanted, ask_adjustment
from apps.workflows.ask_for_keys import ask_for_key
from apps.workflows.decide_approval import decide_approval
from apps.workflows.manage_webhooks import create_webhook, replay_deliveries
from apps.workflows.request_quote import request_quote
from apps.workflows.transfer_balance import announce_deposit, request_withdrawal
from tests import people, web, world
from tests.engines import superuser
from tests.settlement import world as here

CLIENT_SCOPES = tuple(scope for scope in SCOPES if scope != "hedge")
PREFIXES = {
    "account": "acc", "adjustment": "adj",
    "allocation": "alc", "call": "call", "deposit": "dep", "entry": "ent", "instruction": "ins", "key_request": "apr",
    "member": "mem", "obligation": "obl", "receipt": "rcp",
    "report": "rep", "rfq": "rfq", "quote": "quo", "trade": "trd", "net_set": "set", "withdrawal": "wdr", "webhook": "whe", "event": "evt",
    "ssi": "ssi",
}  # fmt: skip
NO_LIMIT = "10000000/s"
MIDS = {"BTC-USD": "20000", "ETH-USD": "1500", "EUR-USD": "1.08"}
_ALL = ("viewer", "trader", "settlement", "admin")
PEOPLE = (("Trader", _ALL), ("Treasury", _ALL), ("Leaver", ("viewer",)))
_CYGNUS = here.CYGNUS


@dataclass
class Firm:
    """A firm, the wire ids of what is its own, and the key of a member who may do all that a client may."""

    firm: world.Firm
    ids: dict[str, str]
    key: Key


@dataclass
class House:
    acme: Firm
    rival: Firm
    scoped: dict[str, Key]  # keys of acme with one scope each
    refused: dict[str, Key]  # keys that must open nothing, by what is wrong with them
    colleague: Key  # of acme, all scopes, for another account of it
    others: dict[str, Firm] = field(default_factory=dict)  # by the status that their client has

    @property
    def missing(self) -> Mapping[str, str]:
        """Well-formed ids of nothing."""
        return {kind: ids.encode(prefix, ids.uuid7()) for kind, prefix in PREFIXES.items()} | {
            "reference": "nobodys",
            "key": "ak_test_nobodys",
        }


def publish_prices() -> None:
    """Books on the bus, as old as the desk clock says now; the bus is emptied after every test."""
    bus.publish([world.depth(pair, mid, at=clock.desk_now()) for pair, mid in MIDS.items()])


def build() -> House:
    """All of it, by the platform's own workflows, and the clock at two hours past the cut-off."""
    here.open_house("USD", "EUR", "BTC", "ETH")
    publish_prices()
    firms = {"acme": _firm("acme"), "cygnus": _firm("cygnus", instructions=_CYGNUS)}
    other = _second_account(firm=firms["acme"])
    for name, firm in firms.items():
        here.deal(firm, Side.BUY, "1")
        announce_deposit(actor=firm.trader, account_id=firm.account.id, asset="USD", amount=D(1000))
        request_withdrawal(
            actor=firm.treasury, account_id=firm.account.id, asset="USD", amount=D(10), client_reference=f"w-{name}"
        )  # fmt: skip
    for address in ("021000021-1001", "021000021-3001"):  # each its own receipt, which people look at and which pays nothing
        here.pay_in("USD", D(7), name="Somebody Else", address=address)
    here.at(here.CUTOFF, minutes=1)
    jobs.run_all()
    publish_prices()
    acme, rival = (_filled(name, firm) for name, firm in firms.items())
    house = House(
        acme,
        rival,
        scoped={scope: web.key_for(acme.firm.treasury, (scope,)) for scope in CLIENT_SCOPES},
        refused={},
        colleague=web.key_for(world.actor_of(other, "Colleague"), CLIENT_SCOPES),
    )
    house.refused = _refused(house)
    for status, steps in {
        "RESTRICTED": ["RESTRICTED"], "SUSPENDED": ["SUSPENDED"], "FROZEN": ["FROZEN"],
        "OFFBOARDED": ["SUSPENDED", "OFFBOARDED"],
    }.items():  # fmt: skip
        firm = _firm(status.lower(), instructions=())
        key = web.key_for(firm.trader, CLIENT_SCOPES)
        _, quote, _ = _ask(firm, f"q-{status}")
        _move(firm=firm, steps=steps)
        house.others[status] = Firm(firm, {"quote": ids.encode("quo", quote.id), "rfq": ids.encode("rfq", quote.rfq_id)}, key)
    return house


def _firm(code: str, **terms: Any) -> world.Firm:
    made = world.firm(code, members=PEOPLE, **terms)
    return world.Firm(made.account, world.actor_of(made.account, "Trader"), world.actor_of(made.account, "Treasury"))


def _ask(firm: world.Firm, reference: str) -> Any:
    ask = Ask(reference, "BTC-USD", Side.TWO_WAY, D(1), None, "", 10_000, 60_000)
    depth = world.depth(at=clock.desk_now())
    return request_quote(actor=firm.trader, account_id=None, ask=ask, depth=depth, usd_per_quote=D(1), elapsed_us=lambda: 1)


def _filled(name: str, firm: world.Firm) -> Firm:
    _, quote, _ = _ask(firm, f"q-{name}")
    endpoint, _ = create_webhook(
        actor=firm.trader, url=f"https://hooks.example.com/{name}", description="", types=(), ordered=True, scheme="v1a"
    )  # fmt: skip
    assert replay_deliveries(actor=firm.trader, endpoint_id=endpoint.id, after_seq=0, since=None, until=None).queued
    (event,) = db.one("SELECT event_id FROM notify_post WHERE endpoint_id = %s LIMIT 1", [endpoint.id])
    (trade,) = db.one("SELECT id FROM trades_trade WHERE account_id = %s", [firm.account.id])
    (withdrawal,) = db.one("SELECT id FROM settlement_withdrawal WHERE account_id = %s", [firm.account.id])
    net_set = settlement.list_net_sets(firm.treasury).first()
    assert net_set is not None
    found: dict[str, UUID] = {
        "account": firm.account.id, "rfq": quote.rfq_id, "quote": quote.id, "trade": trade, "net_set": net_set.id,
        "withdrawal": withdrawal, "webhook": endpoint.id, "event": event,
        "member": world.actor_of(firm.account, "Leaver").id, "call": _called(firm),
        "report": _reported(firm), "allocation": _allocated(firm, trade), "adjustment": _adjusted(firm),
    }  # fmt: skip
    (found["ssi"],) = db.one("SELECT id FROM clients_ssi WHERE account_id = %s AND asset_code = 'USD'", [firm.account.id])
    for kind in ("deposit", "obligation", "instruction", "receipt"):
        (found[kind],) = db.one(f"SELECT id FROM settlement_{kind} WHERE account_id = %s LIMIT 1", [firm.account.id])
    entry = ledger.list_entries([firm.account.id]).first()
    assert entry is not None
    found["entry"] = entry.id
    found["key_request"] = ask_for_key(
        actor=firm.trader, member_id=None, public_key=base64.b64encode(ids.uuid7().bytes * 2).decode(), scopes=["read"], cidrs=[],
        account_ids=[], caps={}, days=30,
    ).id  # fmt: skip
    _answered(firm=firm, reference=f"ref-{name}")
    wire = {kind: ids.encode(PREFIXES[kind], found[kind]) for kind in PREFIXES}
    wire["key"] = web.key_for(firm.trader, ("read",), ()).key_id
    return Firm(firm, wire | {"reference": f"ref-{name}", "instrument": "BTC-USD"}, web.key_for(firm.trader, CLIENT_SCOPES))


def _called(firm: world.Firm) -> UUID:
    """An exposure call."""
    made = ids.uuid7()
    superuser().execute(
        "INSERT INTO credit_exposurecall (id, line_id, client_id, currency, amount, reason, status, issued_at, due_at, ended_at) "
        "SELECT %s, id, %s, 'USD', 1, 'test', 'ISSUED', now(), now() + interval '1 day', NULL "
        "FROM credit_line WHERE subject_id = %s LIMIT 1",
        [made, firm.client_id, firm.client_id],
    )
    return made


def _adjusted(firm: world.Firm) -> UUID:
    """A rebate, asked and checked."""
    olga, fay = (people.staff(name, role) for name, role in (("olga", "operations"), ("fay", "finance")))
    wanted = Wanted("REBATE", "PAY", "USD", D(5), clock.desk_now().date(), "test")
    made, asked = ask_adjustment(actor=olga, account_code=firm.account.code, wanted=wanted)
    assert decide_approval(approval_id=asked.id, actor=fay, approve=True).status == "EXECUTED"
    return made.id


def _allocated(firm: world.Firm, trade: UUID) -> UUID:
    """A share of a deal, by hand: it has settled too far to be given one."""
    made, hand = ids.uuid7(), superuser()
    hand.execute("SET session_replication_role = replica")
    hand.execute(
        "INSERT INTO trades_allocation (id, trade_id, account_id, status, quantity, refusal, detail, proposed_at, decided_at) "
        "VALUES (%s, %s, %s, 'REVERSED', 1, '', '', now(), now())",
        [made, trade, firm.account.id],
    )
    hand.execute("SET session_replication_role = origin")
    return made


def _reported(firm: world.Firm) -> UUID:
    """A statement, with its files."""
    made, files = ids.uuid7(), []
    for kind in ("csv", "pdf"):
        name = f"guard/{made}.{kind}"
        (settings.REPORTS_DIR / "guard").mkdir(parents=True, exist_ok=True)
        (settings.REPORTS_DIR / name).write_bytes(b"x")
        files.append({"name": name, "format": kind, "sha256": hashlib.sha256(b"x").hexdigest(), "bytes": 1})
    hand = superuser()
    hand.execute(
        "INSERT INTO reports_reportrun (id, report, scope, business_date, version, status, number, files, due_at, error) "
        "VALUES (%s, 'statement', %s, '2026-09-15', 1, 'DUE', '', '[]', now(), '')",
        [made, firm.account.code],
    )
    hand.execute("UPDATE reports_reportrun SET status = 'RUNNING' WHERE id = %s", [made])
    hand.execute("UPDATE reports_reportrun SET status = 'DONE', files = %s, done_at = now() WHERE id = %s", [json.dumps(files), made])
    return made


@use_case
def _answered(*, firm: world.Firm, reference: str, now: Any) -> None:
    """A stored answer under the client's own reference, about its account."""
    body = json.dumps({"account_id": ids.encode("acc", firm.account.id)}).encode()
    db.run(
        "INSERT INTO core_storedanswer (id, scope_id, key, request_hash, status, body, reference, operation, recorded_at) "
        "VALUES (%s, %s, %s, %s, 201, %s, %s, 'rfq', clock_timestamp())",
        [ids.uuid7(), firm.client_id, f"key-of-{reference}", b"x" * 32, body, reference],
    )


@use_case
def _second_account(*, firm: world.Firm, now: Any) -> Any:
    account = clients.create_account(owner=firm.account.owner, code="acme-second", name="Second", is_default=False)
    for status in (ClientStatus.ONBOARDING, ClientStatus.APPROVED):
        clients.set_status(thing=account, status=status, reason="test")
    clients.create_member(counterparty=firm.account.owner, name="acme Colleague", email="", accounts=[(account, _ALL)])
    return account


@use_case
def _move(*, firm: world.Firm, steps: list[str], now: Any) -> None:
    firm.account.refresh_from_db()
    for step in steps:
        clients.set_status(thing=firm.account.owner, status=ClientStatus(step), reason="test")


def _refused(house: House) -> dict[str, Key]:
    """Keys of acme's own member, each with one thing wrong."""
    dorado = _firm("dorado", instructions=())
    keys = {name: web.key_for(dorado.trader, CLIENT_SCOPES) for name in ("revoked", "expired")}
    keys["closed member"] = web.key_for(dorado.treasury, CLIENT_SCOPES)
    hand = superuser()
    hand.execute("UPDATE clients_apikey SET revoked_at = now() WHERE key_id = %s", [keys["revoked"].key_id])
    hand.execute("UPDATE clients_apikey SET expires_at = now() WHERE key_id = %s", [keys["expired"].key_id])
    hand.execute("UPDATE clients_member SET closed_at = now() WHERE id = %s", [dorado.treasury.id])
    stranger = Ed25519PrivateKey.generate()
    good = house.acme.key
    keys["not its private key"] = Key(good.key_id, stranger)
    keys["another client's private key"] = Key(good.key_id, house.rival.key.private)
    keys["unknown"] = Key("ak_test_0000000000000000", stranger)
    keys["of production"] = Key(good.key_id.replace("ak_test_", "ak_live_"), good.private)
    return keys


@contextmanager
def unlimited(settings: Any) -> Iterator[None]:
    """Thousands of bad signatures from one address in a minute: what the limit is for, and not what is looked at here."""
    kept = settings.RATE_BAD_SIGNATURES, settings.RATE_REQUESTS, settings.RATE_RFQS, rules.MAX_KEYS
    settings.RATE_BAD_SIGNATURES = settings.RATE_REQUESTS = settings.RATE_RFQS = NO_LIMIT
    rules.MAX_KEYS = 100
    try:
        yield
    finally:
        settings.RATE_BAD_SIGNATURES, settings.RATE_REQUESTS, settings.RATE_RFQS, rules.MAX_KEYS = kept

"""A tester can bring about every state that a client sees; what no client sees is listed with the reason."""

import importlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from flowdesk_client import Key
from flowdesk_client.keys import public_key_of

from apps.core import clock
from apps.core.states import Machine
from apps.instruments import queries as instruments
from apps.jobs import events as event_jobs
from apps.jobs import rfqs as rfq_jobs
from apps.jobs import settlement as jobs
from apps.jobs import ssis as ssi_jobs
from apps.jobs import trades as trade_jobs
from apps.jobs import webhooks as webhook_jobs
from apps.notify.rules.outcome import Outcome
from apps.workflows.deliver_webhooks import keep_outcome, lease_post
from apps.workflows.revalue_credit import keep_marks
from flowdesk.sandbox.backoffice import BackOffice
from flowdesk.sandbox.trader import Trader
from tests.guard.document import SCHEMA

from .sandbox import Firm, Sandbox, ask

pytestmark = pytest.mark.django_db(transaction=True)
D = Decimal
LISTS = {
    "rfqs": "RFQ", "trades": "TRADE", "obligations": "OBLIGATION", "settlements": "NET_SET", "instructions": "INSTRUCTION",
    "receipts": "RECEIPT", "deposits": "DEPOSIT", "withdrawals": "WITHDRAWAL", "ssis": "SSI", "adjustments": "ADJUSTMENT",
    "exposure-calls": "CALL", "key-requests": "APPROVAL", "webhooks": "ENDPOINT",
}  # fmt: skip
DERIVED = {"keys": "KEY", "members": "MEMBER"}  # told by dates: no machine moves them
MONEY = ("settlements", "instructions", "obligations", "receipts")


def machines() -> dict[str, Machine[Any]]:
    found = {}
    for path in sorted(Path(settings.BASE_DIR, "apps").glob("*/states.py")):
        module = importlib.import_module(f"apps.{path.parent.name}.states")
        found |= {name: one for name, one in vars(module).items() if isinstance(one, Machine)}
    return found


class Seen:
    """The states that clients were told, by machine."""

    def __init__(self) -> None:
        self.states: dict[str, set[str]] = defaultdict(set)

    def look(self, *firms: Firm, at: Iterable[str] = LISTS) -> None:
        for firm in firms:
            for path in at:
                machine = (LISTS | DERIVED)[path]
                for row in (firm.trader if path == "webhooks" else firm.treasury).api.get(f"/api/v1/{path}")["data"]:
                    self.states[machine].add(row["status"])
                    for leg in row.get("legs", ()):
                        self.states["NET_LEG"].add(leg["status"])

    def note(self, machine: str, *told: Any) -> None:
        self.states[machine] |= {one["status"] if isinstance(one, dict) else str(one) for one in told}


def _dealing(sandbox: Sandbox, seen: Seen) -> None:
    now = [D(0)]
    trader, firm = Trader(clock=lambda: now[0]), Firm(sandbox)
    rfqs = {
        name: ask(sandbox.as_scenario(name, firm.trader.api.key)) for name in ("hold", "withdrawn", "superseded", "reject_pass", "expire")
    }
    last: dict[str, Any] = {}
    for at in ("0", "0.6", "1.6", "5.1"):
        now[0] = D(at)
        trader.step()
        for name, rfq in rfqs.items():
            last[name] = firm.trader.rfqs.get(rfq.id)
            seen.note("RFQ", last[name].status)
            if (quote := last[name].quote) is not None:
                seen.note("QUOTE", quote.status, *(firm.trader.quotes.get(kept).status for kept in last.get(f"{name} quotes", ())))
                last.setdefault(f"{name} quotes", set()).add(quote.id)
    firm.trader.quotes.decline(last["hold"].quote.id)
    sandbox.price()
    countered = ask(firm.trader).quote
    assert countered is not None
    assert countered.buy is not None
    firm.trader.quotes.counter(countered.id, side="buy", price=countered.buy.price - 10)
    seen.note("QUOTE", *(firm.trader.quotes.get(quote.id).status for quote in (countered, last["hold"].quote)))
    seen.note("RFQ", firm.trader.rfqs.get(rfqs["hold"].id).status)
    seen.note("RFQ", firm.trader.rfqs.cancel(ask(sandbox.as_scenario("manual", firm.trader.api.key)).id).status)
    taken = firm.trader.trades.get(firm.deal())
    assert taken.quote_id is not None
    seen.note("QUOTE", firm.trader.quotes.get(taken.quote_id).status)
    sandbox.price()
    old = ask(firm.trader).quote
    assert old is not None
    sandbox.advance(120)
    rfq_jobs.sweep_rfqs()
    rfq_jobs.sweep_quotes()
    seen.note("QUOTE", firm.trader.quotes.get(old.id).status)
    seen.look(firm)


def _after_the_deal(sandbox: Sandbox, seen: Seen) -> None:
    firm = Firm(sandbox)
    deals = [firm.deal(str(size)) for size in (1, 2, 3, 4)]
    api = firm.trader.api

    def confirmation(deal: str, **query: Any) -> Any:
        return api.get(f"/api/v1/trades/{deal}/confirmation", **query)

    seen.note("CONFIRMATION", confirmation(deals[0]))
    event_jobs.drive_all()
    seen.note("CONFIRMATION", confirmation(deals[0]), api.post(f"/api/v1/trades/{deals[0]}/affirm", {"version": 1}))
    for deal in deals[1:]:
        seen.note("DISPUTE", api.post(f"/api/v1/trades/{deal}/dispute", {"version": 1, "reason": "PRICE"}))
    seen.note("CONFIRMATION", confirmation(deals[1]))
    seen.note("DISPUTE", api.post(f"/api/v1/trades/{deals[1]}/dispute/withdraw", {"reason": "found"}))
    firm.act("reject_dispute", deals[2])
    firm.act("cancel_trade", deals[3])
    seen.note("CONFIRMATION", confirmation(deals[3], version=1))
    told = [
        event
        for event in api.get("/api/v1/events", limit=500)["data"]
        if event["type"].startswith("dispute.") and "status" in event["data"]
    ]
    seen.note("DISPUTE", *(event["data"] for event in told))
    share = f"/api/v1/trades/{deals[0]}/allocations"
    made = api.post(share, {"allocations": [{"account_id": firm.second, "quantity": "0.4"}]})["data"]
    seen.note("ALLOCATION", *made, api.post(f"{share}/{made[0]['id']}/reverse", {}))
    firm.act("cap_account", firm.second)
    seen.note("ALLOCATION", *api.post(share, {"allocations": [{"account_id": firm.second, "quantity": "0.5"}]})["data"])
    seen.look(firm)


def _plans(sandbox: Sandbox, seen: Seen) -> None:
    firm = Firm(sandbox)
    api = firm.trader.api
    for end in ("withdrawn", "lapsed", "done", "refused"):
        sandbox.price()
        rfq = ask(firm.trader)
        assert rfq.quote is not None
        assert rfq.quote.buy is not None
        path = f"/api/v1/rfqs/{rfq.id}/allocations"
        for percent in ("50", "60"):
            seen.note("PLAN", api.post(path, {"allocations": [{"account_id": firm.second, "percent": percent}]}))
        if end == "withdrawn":
            seen.note("PLAN", api.call("DELETE", path, body={}))
        elif end == "lapsed":
            firm.trader.quotes.decline(rfq.quote.id)
        else:
            deal = firm.trader.quotes.accept(rfq.quote.id, side="buy", price=rfq.quote.buy.price)
            if end == "refused":
                firm.act("cancel_trade", deal.id)
        trade_jobs.carry_out_plans()
        seen.note("PLAN", *api.get(path)["data"])


def _money(sandbox: Sandbox, seen: Seen) -> None:
    """Each on a fresh client that sells: it owes us BTC, we owe it USD."""
    office = BackOffice()
    names = ["", "settle_partial", "settle_third_party", "settle_recalled", "pay_return", "pay_reject", "pay_unknown", "pay_slow"]
    firms = {name: Firm(sandbox) for name in [*names, "disputes", "aborts", "blocked"]} | {"gross": Firm(sandbox, netting=False)}
    for number, (name, firm) in enumerate(firms.items()):
        scenario = "settle_partial" if name == "gross" else name if name in names else ""
        firm.deal(str(D("1.5") + D(number) / 10), "sell", scenario)
    disputes, aborts, blocked, other = (firms[name] for name in ("disputes", "aborts", "blocked", "settle_third_party"))
    aborts.act("rebate", aborts.account)
    seen.look(aborts)
    aborts.act("reverse_adjustment", aborts.treasury.api.get("/api/v1/adjustments")["data"][0]["id"])
    seen.look(aborts)
    done: set[str] = set()

    def once(path: str, status: str, firm: Firm, act: Callable[[str], object]) -> None:
        """To the first thing of a firm that is in this state."""
        found = [row["id"] for row in firm.treasury.api.get(f"/api/v1/{path}")["data"] if row["status"] == status]
        if found and f"{path} {status} {firm.account}" not in done:
            done.add(f"{path} {status} {firm.account}")
            act(found[0])

    for _ in range(13):
        sandbox.advance(6 * 3600)
        for sweep in (
            jobs.freeze_due,
            None,
            jobs.agree_due,
            jobs.instruct_due,
            None,
            jobs.run_all,
            office.step,
            None,
            jobs.run_all,
            office.step,
        ):
            if sweep is None:
                seen.look(*firms.values(), at=MONEY)
                continue
            sweep()
            once("settlements", "FROZEN", disputes, lambda one: _dispute(disputes, one, seen))
            once(
                "settlements",
                "FROZEN",
                aborts,
                lambda one: seen.note("NET_SET", aborts.treasury.api.post(f"/api/v1/settlements/{one}/agree", {})),
            )
            once("settlements", "AGREED", aborts, lambda one: aborts.act("abort_settlement", one))
            once("settlements", "AGREED", blocked, lambda _: seen.note("CLIENT", blocked.act("suspend")))
            once("receipts", "QUARANTINED", other, lambda one: _return(other, one, seen))
        seen.look(*firms.values(), at=MONEY)


def _return(firm: Firm, receipt: str, seen: Seen) -> None:
    seen.look(firm, at=["receipts"])
    firm.act("return_receipt", receipt)


def _balances(sandbox: Sandbox, seen: Seen) -> None:
    office, firm = BackOffice(), Firm(sandbox, "PREFUNDED")
    api, other = firm.treasury.api, firm.controller.api

    def move(hours: int = 6, times: int = 2) -> None:
        for _ in range(times):
            sandbox.advance(hours * 3600)
            for act in (office.step, jobs.run_all, office.step, jobs.run_all):
                act()
                seen.look(firm, at=("deposits", "withdrawals", "adjustments", "instructions"))

    def announce(amount: str, scenario: str = "") -> str:
        with sandbox.as_scenario(scenario, firm.treasury.api.key) as client:
            made = client.api.post("/api/v1/deposits", {"account_id": firm.account, "asset": "USD", "amount": amount})
        seen.note("DEPOSIT", made)
        return str(made["id"])

    announce("50000")
    move()
    announce("700", "settle_recalled")
    move()
    never = announce("800", "settle_default")
    office.step()
    api.post(f"/api/v1/deposits/{never}/cancel", {})
    seen.look(firm, at=["deposits"])
    withdrawals = []
    for number in range(5):
        body = {"account_id": firm.account, "asset": "USD", "amount": str(100 + number), "client_reference": f"w{number}"}
        withdrawals.append(api.post("/api/v1/withdrawals", body))
    seen.note("WITHDRAWAL", *withdrawals, api.post(f"/api/v1/withdrawals/{withdrawals[0]['id']}/cancel", {}))
    firm.act("reject_withdrawal", withdrawals[1]["id"])
    with sandbox.as_scenario("pay_parts", other.key) as client:
        seen.note("WITHDRAWAL", client.api.post(f"/api/v1/withdrawals/{withdrawals[2]['id']}/approve", {}))
    jobs.run_all()
    office.step()
    for seconds in (1, 600, 3600):  # sent, one part booked, both
        sandbox.advance(seconds)
        jobs.run_all()
        seen.look(firm, at=["instructions"])
    for one in withdrawals[3:]:
        seen.note("WITHDRAWAL", other.post(f"/api/v1/withdrawals/{one['id']}/approve", {}))
    move()
    firm.act("rebate", firm.account)
    seen.look(firm)
    move(24, 12)


def _places(sandbox: Sandbox, seen: Seen) -> None:
    firm = Firm(sandbox)
    api, other = firm.treasury.api, firm.controller.api
    sandbox.advance(60)

    def propose(asset: str, rail: str, address: str, **more: Any) -> str:
        body = {"account_id": firm.account, "asset": asset, "rail": rail, "address": address, **more}
        made = api.post("/api/v1/ssis", body)
        seen.note("SSI", made)
        return str(made["id"])

    def approve(ssi: str) -> None:
        seen.note("SSI", other.post(f"/api/v1/ssis/{ssi}/approve", {}))

    def bring(hours: int = 49) -> None:
        sandbox.advance(hours * 3600)
        ssi_jobs.keep()
        seen.look(firm)

    bic = {"bic": "BYLADEM1001"}
    first = propose("EUR", "target-eur", "DE02120300000000202051", **bic)
    approve(first)
    firm.act("verify_ssi", first)
    seen.look(firm)
    bring()
    firm.act("suspend_ssi", first)
    seen.look(firm)
    firm.act("resume_ssi", first)
    second = propose("EUR", "target-eur", "DE02500105170137075030", bic="INGDDEFF", valid_until="2026-12-01T00:00:00Z")
    firm.act("stop_ssi", second)
    seen.look(firm)
    firm.act("stop_ssi", first)
    third = propose("EUR", "target-eur", "DE02100500000054540402", bic="BELADEBE", valid_until="2026-10-30T00:00:00Z")
    approve(third)
    firm.act("verify_ssi", third)
    bring()
    bring(60 * 24)


def _standing(sandbox: Sandbox, seen: Seen) -> None:
    firm = Firm(sandbox)
    seen.note("CLIENT", *(firm.act(name) for name in ("restrict", "suspend", "freeze", "approve")))
    for end in ("withdraw_call", "meet_call"):
        call = firm.act("call")["exposure_call_id"]
        seen.look(firm)
        sandbox.advance(25 * 3600)
        seen.look(firm)
        firm.act(end, call if end == "withdraw_call" else None)
        seen.look(firm)


def _default(sandbox: Sandbox, seen: Seen) -> None:
    firm = Firm(sandbox)
    firm.deal("2", "sell")
    while not firm.treasury.api.get("/api/v1/settlements")["data"]:
        sandbox.advance(12 * 3600)
        jobs.freeze_due()
    firm.deal("1", "buy")
    now = clock.desk_now()
    keep_marks(mids={pair.code: (D(20_000), now) for pair in instruments.list_pairs()}, max_age_s=60)
    seen.note("CLIENT", firm.act("default"))
    seen.look(firm, at=("settlements", "obligations", "adjustments"))


def _keys(sandbox: Sandbox, seen: Seen) -> None:
    firm = Firm(sandbox)
    api = firm.treasury.api
    mine = [one["key_id"] for one in api.get("/api/v1/keys")["data"]]

    def ask_key(**more: Any) -> str:
        body = {"public_key": public_key_of(Key("", Ed25519PrivateKey.generate())), "scopes": ["read"], **more}
        return str(api.post("/api/v1/keys", body)["id"])

    firm.act("reject_key", ask_key())
    late = ask_key()
    several = [ask_key() for _ in range(9 - len(mine))]
    for one in several:
        firm.act("approve_key", one)
    trader = firm.trader.api.key.key_id
    member = next(one["member_id"] for one in api.get("/api/v1/keys")["data"] if one["key_id"] == trader)
    made = api.post(f"/api/v1/keys/{trader}/widen", {"scopes": ["read", "quote"], "allowed_cidrs": ["127.0.0.0/8"]})
    firm.trader.api.post(f"/api/v1/keys/{trader}/revoke", {})
    firm.act("approve_key", made["id"])
    ask_key(member_id=member)
    firm.act("expire_key", firm.controller.api.key.key_id)
    firm.act("list_member", member)
    seen.look(firm, at=["key-requests", "keys", "members"])
    firm.act("clear_member", member)
    api.post(f"/api/v1/members/{member}/close", {})
    seen.look(firm, at=["keys", "members"])
    sandbox.advance(40 * 24 * 3600)
    firm.act("approve_key", late)
    seen.look(firm, at=["key-requests"])


def _webhooks(sandbox: Sandbox, seen: Seen) -> None:
    """A worker that is answered, and not; what the last of 75 hours does to an endpoint is an act."""
    firm = Firm(sandbox)
    api = firm.trader.api
    hook = f"/api/v1/webhooks/{api.post('/api/v1/webhooks', {'url': 'https://hooks.example.com/x', 'order': 'parallel'})['id']}"

    def deliver(**answer: Any) -> None:
        seen.look(firm, at=["webhooks"])
        seen.note("POST", *api.get(f"{hook}/deliveries")["data"])
        at = clock.wall_now()
        _, lease = lease_post(at=at, but=())
        assert lease is not None
        keep_outcome(lease=lease, began=at, outcome=Outcome(took_ms=1, **answer), at=at)

    webhook_jobs.queue_due()
    deliver(error="timeout")
    api.post(f"{hook}/ping", {})
    webhook_jobs.queue_due()
    firm.act("degrade_webhook", hook.rpartition("/")[2])
    deliver(status=200)
    api.call("DELETE", hook, body={})
    seen.look(firm, at=["webhooks"])
    seen.note("POST", *api.get(f"{hook}/deliveries")["data"])


def _dispute(firm: Firm, one: str, seen: Seen) -> None:
    lines = firm.treasury.api.get(f"/api/v1/settlements/{one}")["lines"]
    body = {"lines": [{"obligation_id": lines[0]["id"], "reason": "not ours"}]}
    seen.note("NET_SET", firm.treasury.api.post(f"/api/v1/settlements/{one}/dispute", body))


OURS = "a thing of our own house, in no answer to a client"
PENDING = "told as PENDING: what our own people do with a payment is not for a client"
AT_ONCE = "the transaction that brings it about goes on from it"
UNSEEN: dict[str, dict[str, str]] = {
    "APPROVAL": {"APPROVED": AT_ONCE},
    "RESERVATION": dict.fromkeys(("RESERVED", "COMMITTED", "RELEASED", "CLOSED"), OURS),
    "HOLD": dict.fromkeys(("PENDING", "POSTED", "VOIDED"), OURS),
    "DAY": dict.fromkeys(("OPEN", "CLOSING", "CLOSED"), OURS),
    "MONTH": dict.fromkeys(("OPEN", "LOCKED"), OURS),
    "CLOSING": dict.fromkeys(("STANDING", "UNDONE"), OURS),
    "BREAK": dict.fromkeys(("OPEN", "RESOLVED", "WRITTEN_OFF"), OURS),
    "MARK_SET": dict.fromkeys(("PROPOSED", "APPROVED", "SUPERSEDED"), OURS),
    "HEDGE": dict.fromkeys(("UNCONFIRMED", "CONFIRMED", "BREAK", "CANCELLED"), OURS),
    "HOUSE_TRANSFER": dict.fromkeys(("REQUESTED", "APPROVED", "INSTRUCTED", "IN_TRANSIT", "SETTLED", "CANCELLED", "FAILED"), OURS),
    "ALERT": dict.fromkeys(("OPEN", "ESCALATED", "REPORTED", "CLOSED"), OURS),
    "SHORTFALL": dict.fromkeys(("OPEN", "COVERED"), OURS),
    "MESSAGE": dict.fromkeys(("DUE", "ACCEPTED", "REJECTED", "NO_ANSWER"), OURS),
    "REPLACEMENT": dict.fromkeys(("READY", "SENDING", "UNKNOWN", "SENT", "REFUSED", "CANCELLED"), OURS),
    "DELIVERY": dict.fromkeys(("PENDING", "SENT", "ACKNOWLEDGED", "BOUNCED"), OURS),
    "RUN": dict.fromkeys(("DUE", "RUNNING", "DONE", "FAILED"), "a client is told of a document once it is there"),
    "CLIENT": dict.fromkeys(("PROSPECT", "ONBOARDING", "REFUSED", "OFFBOARDED"), "such a client has no keys"),
    "ALLOCATION": {"PROPOSED": AT_ONCE},
    "WITHDRAWAL": {"CLIENT_APPROVED": AT_ONCE},
    "INSTRUCTION": dict.fromkeys(("DRAFT", "READY", "BLOCKED", "RELEASED"), PENDING)
    | {"UNKNOWN": "told as SENDING: whether its rail has answered is not for a client"}
    | {"SPLIT": "told as what its parts are: PENDING, SENT or SETTLED"},
    "RECEIPT": dict.fromkeys(("SEEN", "FINAL", "DROPPED"), "nobody knows yet whose it is")
    | {"CLEARED": AT_ONCE, "FROZEN": "told as QUARANTINED: a frozen client learns no more"},
    "ADJUSTMENT": dict.fromkeys(("REQUESTED", "APPROVED", "REJECTED"), "what is only asked for among our people"),
}
WALKED = {*LISTS.values(), "QUOTE", "CONFIRMATION", "DISPUTE", "ALLOCATION", "PLAN", "NET_LEG", "CLIENT", "POST"}
SELDOM = {  # told, and not brought about here
    "key-requests": {"APPROVED"},
    "withdrawals": {"CLIENT_APPROVED"},
    "receipts": {"CLEARED"},
}


def test_every_state_is_forced_or_said_why_not() -> None:
    found = machines()
    assert len(found) > 25
    assert found.keys() == UNSEEN.keys() | WALKED
    for name, machine in found.items():
        assert UNSEEN.get(name, {}).keys() <= {str(state) for state in machine.moves}, name


def test_a_tester_defaults_and_its_receiver_is_gone(sandbox: Sandbox) -> None:
    seen = Seen()
    _default(sandbox, seen)
    _webhooks(sandbox, seen)
    assert all("CLOSED_OUT" in seen.states[machine] for machine in ("OBLIGATION", "NET_SET", "NET_LEG"))
    assert seen.states["CLIENT"] == {"SUSPENDED"}
    assert seen.states["ENDPOINT"] == {"ACTIVE", "DEGRADED", "DISABLED"}


@pytest.mark.drill
@pytest.mark.timeout(900)
def test_every_state_that_a_client_sees_is_forced(sandbox: Sandbox) -> None:
    seen = Seen()
    for walk in (_dealing, _after_the_deal, _plans, _standing, _money, _balances, _places, _default, _keys, _webhooks):
        walk(sandbox, seen)
    states = {name: {str(state) for state in machine.moves} for name, machine in machines().items()}
    wanted = {name: of - UNSEEN.get(name, {}).keys() for name, of in states.items()}
    assert {name: seen.states[name] & of for name, of in states.items()} == wanted
    for path, machine in (LISTS | DERIVED).items():
        assert told(path) - seen.states[machine] == SELDOM.get(path, set()), path


def told(path: str) -> set[str]:
    """What the page of operations says a client may be told."""
    found = SCHEMA["paths"][f"/api/v1/{path}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    for step in ("data", "status"):
        while "$ref" in found or "items" in found:
            found = SCHEMA["components"]["schemas"][found["$ref"].rpartition("/")[2]] if "$ref" in found else found["items"]
        found = found["properties"][step]
    return set(found["enum"])

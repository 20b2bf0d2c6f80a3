"""The outside world of the simulators: banks and chains with their own memory, in Valkey, moved by the desk clock alone.

One document a place (our account or wallet): what is booked, what will be, the payments by their key, the scripted outcomes.
Every change is one WATCH/MULTI on that document, so any number of processes may act on it.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

import orjson
import redis
from django.conf import settings

from apps.core import money

from .base import Answer, Entry, Incoming, Outcome, Payment, Place, Statement

T = TypeVar("T")
# POLICY: taken on, then refused by a custodian's own people; on other rails as OK. STUCK: it hangs on its chain until it is replaced
# (chain_txs.py); elsewhere as LOSE. SILENT: paid, and for hours the rail neither answers nor can say so; at a custodian as OK.
OUTCOMES = (
    "OK", "SLOW", "RETURN", "DUPLICATE", "SPLIT", "LOSE", "TIMEOUT", "TIMEOUT_LOST", "SILENT", "REJECT", "CHARGE", "POLICY", "STUCK"
)  # fmt: skip
SLOW_FACTOR = 12
RETURNED_AFTER = timedelta(hours=2)
SILENT_FOR = timedelta(hours=4)


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.VALKEY_URL, socket_timeout=5, socket_connect_timeout=5)


def _key(place: Place) -> str:
    return f"{settings.BUS_PREFIX}sim:{place.rail}:{place.address}"


def _blank() -> dict[str, Any]:
    return {
        "sequence": 0,
        "made": 0,
        "balance": "0",
        "lines": [],
        "pending": [],
        "payments": {},
        "scripts": [],
        "tries": {},
        "openings": [],
    }


def change(place: Place, act: Callable[[dict[str, Any]], T]) -> T:
    """Read the place's document, let `act` change it, write it back; again when somebody else was faster."""
    out: list[T] = []

    def attempt(pipe: Any) -> None:
        raw = pipe.get(_key(place))
        doc = orjson.loads(raw) if raw else _blank()
        out[:] = [act(doc)]
        pipe.multi()
        pipe.set(_key(place), orjson.dumps(doc))

    _client().transaction(attempt, _key(place))
    return out[0]


def read(place: Place, ask: Callable[[dict[str, Any]], T]) -> T:
    """What the place's document says now."""
    raw = _client().get(_key(place))
    return ask(orjson.loads(raw) if raw else _blank())


def forget(place: Place) -> None:
    """The place as if it had never been: for seeds that start over."""
    _client().delete(_key(place))


def opening(place: Place, balance: Decimal, reference: str) -> None:
    """Own money that lies there without a statement line; once per reference."""

    def act(doc: dict[str, Any]) -> None:
        if reference in doc["openings"]:
            return
        doc["openings"].append(reference)
        doc["balance"] = money.text(Decimal(doc["balance"]) + balance)

    change(place, act)


def script(place: Place, outcome: str, *, amount: Decimal | None = None, beneficiary: str = "") -> None:
    """The next payment from here that fits (any, where nothing is named) ends so, whatever the seed says.

    :param outcome: one of OUTCOMES
    """
    assert outcome in OUTCOMES, outcome
    change(place, lambda doc: doc["scripts"].append(_wanted(outcome, amount, beneficiary)))


def unscript(place: Place, outcome: str, *, amount: Decimal | None = None, beneficiary: str = "") -> None:
    """Take back what :func:`script` was told so, where no payment has had it yet."""

    def act(doc: dict[str, Any]) -> None:
        if (wanted := _wanted(outcome, amount, beneficiary)) in doc["scripts"]:
            doc["scripts"].remove(wanted)

    change(place, act)


def _wanted(outcome: str, amount: Decimal | None, beneficiary: str) -> dict[str, Any]:
    return {"outcome": outcome, "amount": None if amount is None else money.text(amount), "beneficiary": beneficiary}


def outcome_of(doc: dict[str, Any], payment: Payment) -> str:
    """The first script that fits, else what the seed says of (beneficiary, amount, how often): the same in every run."""
    for i, wanted in enumerate(doc["scripts"]):
        if wanted["amount"] in {None, money.text(payment.amount)} and wanted["beneficiary"] in {"", payment.beneficiary_address}:
            del doc["scripts"][i]
            return str(wanted["outcome"])
    same = f"{payment.beneficiary_address}:{money.text(payment.amount)}"
    doc["tries"][same] = nth = doc["tries"].get(same, 0) + 1
    draw = int.from_bytes(hashlib.sha256(f"{settings.SIM_RAILS['seed']}:{same}:{nth}".encode()).digest()[:4]) % 1000
    for outcome, per_mille in settings.SIM_RAILS["per_mille"].items():
        if draw < per_mille:
            return str(outcome)
        draw -= per_mille
    return "OK"


def add(doc: dict[str, Any], *, at: datetime, **line: Any) -> str:
    """A line that will be booked at `at`; its reference."""
    doc["made"] += 1
    line.setdefault("reference", f"{line.pop('prefix', 'REF')}{doc['made']:06d}")
    line.pop("prefix", None)
    doc["pending"].append({"at": at.isoformat(), "n": doc["made"], **line})
    return str(line["reference"])


def pay(place: Place, payment: Payment, *, now: datetime, delay: timedelta, prefix: str, charge: Decimal) -> Answer:
    """Accept a payment once per key and let its lines come due."""

    def act(doc: dict[str, Any]) -> Answer:
        if (old := doc["payments"].get(payment.key)) is not None:
            told = _told(old, now)
            return Answer(Outcome.REJECTED, told.reference, told.reason) if told.outcome is Outcome.NOT_FOUND else told
        what = outcome_of(doc, payment)
        if what == "TIMEOUT_LOST":
            return Answer(Outcome.UNKNOWN, reason="no answer")
        if what == "REJECT":
            doc["payments"][payment.key] = {"outcome": "REJECTED", "reference": "", "reason": "AC04 closed account"}
            return Answer(Outcome.REJECTED, reason="AC04 closed account")
        doc["made"] += 1
        reference = f"{prefix}{doc['made']:06d}"
        made = {"outcome": "ACCEPTED", "reference": reference, "reason": ""}
        made |= {"amount": money.text(payment.amount), "to": payment.beneficiary_address}
        heard = now + SILENT_FOR if what == "SILENT" else now
        if heard > now:
            made["silent_until"] = heard.isoformat()
        doc["payments"][payment.key] = made
        book(doc, payment, what, reference, heard + delay * (SLOW_FACTOR if what == "SLOW" else 1), charge)
        return Answer(Outcome.UNKNOWN, reason="no answer") if what == "TIMEOUT" else _told(made, now)

    return change(place, act)


def book(doc: dict[str, Any], payment: Payment, what: str, reference: str, at: datetime, charge: Decimal) -> None:
    """Let the lines of a payment come due at `at`, as the outcome says."""
    if what in {"LOSE", "STUCK"}:
        return
    whom = {
        "end_to_end_id": payment.key,
        "counterparty_name": payment.beneficiary_name,
        "counterparty_address": payment.beneficiary_address,
        "remittance": payment.remittance,
    }
    half = money.round_down(payment.amount / 2, 2)
    parts = [half, payment.amount - half] if what == "SPLIT" and half else [payment.amount]
    for part in parts + ([payment.amount] if what == "DUPLICATE" else []):
        add(doc, at=at, kind="PAYMENT", amount=money.text(-part), reference=reference, **whom)
    if charge or what == "CHARGE":
        add(doc, at=at, kind="CHARGE", amount=money.text(-(charge or Decimal(15))), reference=reference, end_to_end_id=payment.key)
    if what == "RETURN":
        add(doc, at=at + RETURNED_AFTER, kind="RETURN", amount=money.text(payment.amount), reference=f"{reference}R", **whom)


def receive(place: Place, *, amount: Decimal, at: datetime, final_at: datetime, prefix: str, dropped: bool = False, **sender: str) -> str:
    """Somebody pays in: seen at `at`, booked at `final_at` (never, when `dropped`). Its reference."""

    def act(doc: dict[str, Any]) -> str:
        extra = {"dropped_at": final_at.isoformat()} if dropped else {}
        return add(doc, at=final_at, kind="RECEIPT", amount=money.text(amount), prefix=prefix, seen_at=at.isoformat(), **extra, **sender)

    return change(place, act)


def reorganise(place: Place, reference: str, *, at: datetime) -> None:
    """A transfer to us is taken out of the chain again: dropped where it was not final, else a line takes it back."""

    def act(doc: dict[str, Any]) -> None:
        for waiting in doc["pending"]:
            if waiting["reference"] == reference:
                waiting["dropped_at"] = at.isoformat()
                return
        booked = next(line for line in doc["lines"] if line["reference"] == reference)
        add(doc, at=at, kind="RETURN", amount=money.text(-Decimal(booked["amount"])), reference=reference, remittance="reorganisation")

    change(place, act)


def status(place: Place, key: str, *, now: datetime) -> Answer:
    """What became of a payment; a key that never came is refused from now on."""

    def act(doc: dict[str, Any]) -> Answer:
        never = {"outcome": "NOT_FOUND", "reference": "", "reason": "asked about before it came"}
        return _told(doc["payments"].setdefault(key, never), now)

    return change(place, act)


def _told(payment: dict[str, Any], now: datetime) -> Answer:
    if "silent_until" in payment and now < datetime.fromisoformat(payment["silent_until"]):
        return Answer(Outcome.UNKNOWN, reason="no answer")
    return Answer(Outcome(payment["outcome"]), payment["reference"], payment["reason"])


def statement(place: Place, *, after: int, now: datetime) -> Statement:
    """Book what has come due, in order of its time, then give the lines past `after`."""

    def act(doc: dict[str, Any]) -> Statement:
        due = [p for p in doc["pending"] if "dropped_at" not in p and datetime.fromisoformat(p["at"]) <= now]
        for line in sorted(due, key=lambda p: (datetime.fromisoformat(p["at"]), p["n"])):
            doc["pending"].remove(line)
            doc["sequence"] += 1
            doc["balance"] = money.text(Decimal(doc["balance"]) + Decimal(line["amount"]))
            doc["lines"].append({**line, "sequence": doc["sequence"], "balance": doc["balance"]})
        return Statement(tuple(_entry(line) for line in doc["lines"] if line["sequence"] > after), Decimal(doc["balance"]))

    return change(place, act)


def incoming(place: Place, *, now: datetime, block: timedelta) -> tuple[Incoming, ...]:
    waiting = [p for p in read(place, lambda doc: doc["pending"]) if "seen_at" in p]
    return tuple(
        Incoming(
            reference=p["reference"],
            amount=Decimal(p["amount"]),
            sender_name=p.get("counterparty_name", ""),
            sender_address=p.get("counterparty_address", ""),
            remittance=p.get("remittance", ""),
            seen_at=datetime.fromisoformat(p["seen_at"]),
            confirmations=(now - datetime.fromisoformat(p["seen_at"])) // block,
            dropped="dropped_at" in p and datetime.fromisoformat(p["dropped_at"]) <= now,
        )
        for p in waiting
        if datetime.fromisoformat(p["seen_at"]) <= now
    )


_ENTRY = ("reference", "kind", "end_to_end_id", "counterparty_name", "counterparty_address", "remittance")


def _entry(line: dict[str, Any]) -> Entry:
    return Entry(
        sequence=line["sequence"],
        amount=Decimal(line["amount"]),
        balance=Decimal(line["balance"]),
        booked_at=datetime.fromisoformat(line["at"]),
        **{name: line.get(name, "") for name in _ENTRY},
    )


def give_back(place: Place, key: str, *, reason: str, at: datetime) -> str:
    """The beneficiary's bank sends back what a payment of ours brought; the reference of the line. The payment has to be booked."""

    def act(doc: dict[str, Any]) -> str:
        paid = [line for line in doc["lines"] if line["kind"] == "PAYMENT" and line["end_to_end_id"] == key]
        back = money.text(-sum((Decimal(line["amount"]) for line in paid), Decimal(0)))
        return add(doc, at=at, kind="RETURN", amount=back, reference=f"{paid[0]['reference']}R", end_to_end_id=key, remittance=reason)

    return change(place, act)

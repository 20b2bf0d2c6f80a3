"""A simulated custodian: its own people approve, then it broadcasts; every stage is told by status and by callback, the latter badly.

It misbehaves by script or seed as the other simulators do (apps/settlement/rails/outside.py), and by POLICY: taken on, refused later.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

import orjson

from apps.core import money
from apps.settlement.rules.rail import NEVER

from . import outside
from .base import Answer, Incoming, Outcome, Payment, Place
from .chain import SimulatedWallet, final_after, network_fee

APPROVED_AFTER, BROADCAST_AFTER = timedelta(minutes=2), timedelta(minutes=3)
NEVER_CAME = "CANCELLED"


class CustodianSimulator(SimulatedWallet):
    tracks = True

    def send(self, place: Place, payment: Payment, *, now: datetime) -> Answer:
        def act(doc: dict[str, Any]) -> Answer:
            old = doc["payments"].get(payment.key)
            if old is not None:
                same = old["amount"] in {"", money.text(payment.amount)}
                return _told(old, now) if same else Answer(Outcome.UNKNOWN, reason="409 another payment has this key")
            what = outside.outcome_of(doc, payment)
            if what == "TIMEOUT_LOST":
                return Answer(Outcome.UNKNOWN, reason="no answer")
            if what == "REJECT":
                doc["payments"][payment.key] = _record("REJECTED", payment, now, [(timedelta(), "REJECTED", "address not whitelisted")])
                return _told(doc["payments"][payment.key], now)
            made = doc["payments"][payment.key] = _take(doc, place, payment, what, now)
            return Answer(Outcome.UNKNOWN, reason="no answer") if what == "TIMEOUT" else _told(made, now)

        return outside.change(place, act)

    def status(self, place: Place, key: str, *, now: datetime) -> Answer:
        """A key that never came is cancelled: it is refused from now on."""

        def act(doc: dict[str, Any]) -> Answer:
            never = {"outcome": "NOT_FOUND", "reference": f"W-{key}", "reason": "", "amount": ""}
            stages = [[now.isoformat(), NEVER_CAME, "asked about before it came"]]
            return _told(doc["payments"].setdefault(key, {**never, "stages": stages}), now)

        return outside.change(place, act)

    def follow(self, place: Place, key: str, *, now: datetime) -> Answer:
        """As `status`, and nothing is cancelled."""
        known = outside.change(place, lambda doc: doc["payments"].get(key))
        return Answer(Outcome.UNKNOWN, reason="not found") if known is None else _told(known, now)

    def callbacks(self, place: Place, *, now: datetime, seed: int = 1) -> list[tuple[str, bytes]]:
        """Every message it would have sent by `now`: (id, body), each twice and in no order."""
        payments = outside.change(place, lambda doc: dict(doc["payments"]))
        out: list[tuple[str, bytes]] = []
        for key, payment in sorted(payments.items()):
            if not payment["amount"]:
                continue
            for n, answer in enumerate(_answers(payment, now), 1):
                said = write_withdrawal(place, key, answer)
                out.append((f"{key}-{n}", orjson.dumps({"type": "withdrawal", "data": said})))
        for one in self.incoming(place, now=now):
            deposit = orjson.dumps({"type": "deposit", "data": write_deposit(place, one)})
            out.append((f"{one.reference}-{one.confirmations}", deposit))
        return sorted(out * 2, key=lambda one: sha256(f"{seed}:{one[0]}".encode()).digest())


def _take(doc: dict[str, Any], place: Place, payment: Payment, what: str, now: datetime) -> dict[str, Any]:
    slow = outside.SLOW_FACTOR if what == "SLOW" else 1
    begun: list[tuple[timedelta, str, str]] = [(timedelta(), "PENDING_APPROVAL", "")]
    if what == "POLICY":
        return _record("ACCEPTED", payment, now, [*begun, (APPROVED_AFTER, "REJECTED", "policy: not approved")])
    final = (BROADCAST_AFTER + final_after(place)) * slow
    outside.book(doc, payment, what, f"T-{payment.key}", now + final, network_fee(place))
    stages = [*begun, (APPROVED_AFTER * slow, "APPROVED", ""), (BROADCAST_AFTER * slow, "BROADCAST", ""), (final, "CONFIRMED", "")]
    return _record("ACCEPTED", payment, now, stages)


def _record(outcome: str, payment: Payment, now: datetime, stages: list[tuple[timedelta, str, str]]) -> dict[str, Any]:
    told = [[(now + after).isoformat(), state, reason] for after, state, reason in stages]
    return {"outcome": outcome, "reference": f"T-{payment.key}", "reason": "", "amount": money.text(payment.amount), "stages": told}


def _told(payment: dict[str, Any], now: datetime) -> Answer:
    return _answers(payment, now)[-1]


def _answers(payment: dict[str, Any], now: datetime) -> list[Answer]:
    """What it says of a payment, stage by stage until now."""
    reached = [stage for stage in payment["stages"] if datetime.fromisoformat(stage[0]) <= now] or payment["stages"][:1]
    amount = Decimal(payment["amount"]) if payment["amount"] else None
    return [
        Answer(
            Outcome.REJECTED if state in NEVER else Outcome.ACCEPTED,
            payment["reference"],
            reason or (state.lower() if state in NEVER else ""),
            stage=state,
            version=n,
            amount=amount,
        )
        for n, (_, state, reason) in enumerate(reached, 1)
    ]


def write_withdrawal(place: Place, key: str, answer: Answer) -> dict[str, Any]:
    """As a custodian says it (docs/custodians.md)."""
    assert answer.amount is not None
    said = {"key": key, "id": f"W-{key}", "account": place.address, "asset": place.asset, "amount": money.text(answer.amount)}
    return {**said, "state": answer.stage, "version": answer.version, "transaction": answer.reference, "reason": answer.reason}


def write_deposit(place: Place, one: Incoming) -> dict[str, Any]:
    """As a custodian says it (docs/custodians.md)."""
    texts = {name: getattr(one, name) for name in ("reference", "sender_name", "sender_address", "remittance")}
    known = {"confirmations": one.confirmations, "dropped": one.dropped, "seen_at": one.seen_at.isoformat()}
    return {"account": place.address, "asset": place.asset, "amount": money.text(one.amount), **texts, **known}

"""The transactions of one payment on the simulated chain: all spend the same nonce, so of them one confirms, or none ever does.

Tests and sandboxes say which: `confirm` one, `reorganise` out what has confirmed, or `spend_elsewhere`.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from apps.core import money

from . import outside
from .base import Answer, Outcome, Payment, Place

DEAD = "its nonce was spent by another transaction"


def replace(place: Place, key: str, *, number: int, fee: Decimal, delay: timedelta, now: datetime) -> Answer:
    """Broadcast transaction `number` of the payment. The same number again is the same transaction."""

    def act(doc: dict[str, Any]) -> Answer:
        payment = doc["payments"].get(key)
        if payment is None or payment["outcome"] != "ACCEPTED":
            return Answer(Outcome.REJECTED, reason="no such transaction")
        txs = payment.setdefault("txs", {})
        if str(number) in txs:
            return Answer(Outcome.ACCEPTED, txs[str(number)]["reference"])
        if payment.get("dead") or _booked(doc, key) > 0:
            return Answer(Outcome.REJECTED, reason="nonce too low")
        if any(Decimal(tx["fee"]) >= fee for tx in txs.values()):
            return Answer(Outcome.REJECTED, reason="replacement transaction underpriced")
        what = outside.outcome_of(doc, Payment(f"{key}-{number}", Decimal(payment["amount"]), "", payment["to"]))
        if what == "TIMEOUT_LOST":
            return Answer(Outcome.UNKNOWN, reason="no answer")
        if what == "REJECT":
            return Answer(Outcome.REJECTED, reason="replacement transaction underpriced")
        doc["made"] += 1
        txs[str(number)] = {"reference": f"0x{doc['made']:06d}", "fee": money.text(fee)}
        if what not in {"STUCK", "LOSE"}:
            _schedule(doc, key, number, now + delay)
        return Answer(Outcome.UNKNOWN, reason="no answer") if what == "TIMEOUT" else Answer(Outcome.ACCEPTED, txs[str(number)]["reference"])

    return outside.change(place, act)


def confirm(place: Place, key: str, *, number: int, at: datetime, fee: Decimal = Decimal("0.00005")) -> None:
    """Transaction `number` (1: the payment's own, at `fee`) will be booked at `at`, and no other of the same nonce."""

    def act(doc: dict[str, Any]) -> None:
        payment = doc["payments"][key]
        payment.setdefault("txs", {}).setdefault("1", {"reference": payment["reference"], "fee": money.text(fee)})
        assert not payment.get("dead"), "its nonce is spent"
        assert _booked(doc, key) == 0, "one of its transactions has confirmed"
        _schedule(doc, key, number, at)

    outside.change(place, act)


def reorganise(place: Place, key: str, *, at: datetime) -> None:
    """The block with the transaction that has confirmed is none of the chain any more: its lines are taken back at `at`."""

    def act(doc: dict[str, Any]) -> None:
        assert _booked(doc, key) > 0, "nothing of it has confirmed"
        last = next(line["reference"] for line in reversed(doc["lines"]) if line.get("end_to_end_id") == key and line["kind"] == "PAYMENT")
        mine = [line for line in doc["lines"] if line.get("end_to_end_id") == key and line["reference"] == last]
        for kind, back in (("PAYMENT", "RETURN"), ("CHARGE", "CHARGE")):
            amount = next(Decimal(line["amount"]) for line in reversed(mine) if line["kind"] == kind)
            words = {"reference": last, "end_to_end_id": key, "remittance": "reorganisation"}
            outside.add(doc, at=at, kind=back, amount=money.text(-amount), **words)

    outside.change(place, act)


def spend_elsewhere(place: Place, key: str) -> None:
    """Another transaction with the nonce has confirmed: none of these ever will."""

    def act(doc: dict[str, Any]) -> None:
        assert _booked(doc, key) == 0, "one of its transactions has confirmed"
        doc["payments"][key]["dead"] = True
        _unschedule(doc, key)

    outside.change(place, act)


def status(place: Place, key: str, *, now: datetime) -> Answer:
    """As the chain's own status; a payment that can never confirm any more is refused after all."""
    payment = outside.change(place, lambda doc: dict(doc["payments"].get(key, {})))
    if payment.get("dead"):
        return Answer(Outcome.REJECTED, payment["reference"], DEAD, stage="FAILED", version=1)
    return outside.status(place, key, now=now)


def _schedule(doc: dict[str, Any], key: str, number: int, at: datetime) -> None:
    payment = doc["payments"][key]
    tx = payment["txs"][str(number)]
    _unschedule(doc, key)
    whom = {"end_to_end_id": key, "counterparty_address": payment["to"], "reference": tx["reference"]}
    outside.add(doc, at=at, kind="PAYMENT", amount=money.text(-Decimal(payment["amount"])), remittance=key, **whom)
    outside.add(doc, at=at, kind="CHARGE", amount=money.text(-Decimal(tx["fee"])), reference=tx["reference"], end_to_end_id=key)


def _unschedule(doc: dict[str, Any], key: str) -> None:
    """What was going to confirm conflicts with what does; what takes back something booked stays."""
    doc["pending"] = [p for p in doc["pending"] if p.get("end_to_end_id") != key or p.get("remittance") == "reorganisation"]


def _booked(doc: dict[str, Any], key: str) -> int:
    """How many of its transactions stand booked, or will when what is on its way back has come: more than one never."""
    lines = [*doc["lines"], *(p for p in doc["pending"] if p.get("remittance") == "reorganisation")]
    signs = {"PAYMENT": 1, "RETURN": -1}
    return sum(signs.get(line["kind"], 0) for line in lines if line.get("end_to_end_id") == key)

"""A simulated venue: it lets us fetch what we keep there, and shows what came and left in its own record, late and badly by script or seed.

The scripts are those of the other simulators (outside.py); POLICY: taken on, and refused by the venue's people later.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from apps.settlement.rules.venues import Movement

from . import outside
from .base import Answer, Entry, Outcome, Payment, Place

SHOWN_AFTER = timedelta(minutes=10)
LOOKED_AT_AFTER = timedelta(minutes=5)
FEE = {"BTC": Decimal("0.0003"), "ETH": Decimal("0.002")}  # of a withdrawal; of other assets none


class VenueSimulator:
    tracks = True  # it may still refuse what it has taken on

    def send(self, place: Place, payment: Payment, *, now: datetime) -> Answer:
        """Asked to pay out to us: once per key, however often."""
        doc = outside.change(place, lambda doc: {"what": doc["scripts"][:1], "known": payment.key in doc["payments"]})
        policy = not doc["known"] and bool(doc["what"]) and doc["what"][0]["outcome"] == "POLICY"
        if policy:
            return outside.change(place, lambda doc: _take_on(doc, payment, now))
        return outside.pay(place, payment, now=now, delay=SHOWN_AFTER, prefix="W", charge=Decimal(0))

    def status(self, place: Place, key: str, *, now: datetime) -> Answer:
        return self._refused_later(place, key, now) or outside.status(place, key, now=now)

    def follow(self, place: Place, key: str, *, now: datetime) -> Answer:
        return self._refused_later(place, key, now) or Answer(Outcome.UNKNOWN)

    def movements(self, place: Place, *, since: datetime | None, now: datetime) -> tuple[Movement, ...]:
        """What its record shows by now, from `since` on."""
        lines = outside.statement(place, after=0, now=now).entries
        return tuple(
            Movement(
                reference=f"{place.asset}-{line.sequence}",
                asset=place.asset,
                amount=Decimal(0) if line.kind == "CHARGE" else line.amount,
                booked_at=line.booked_at,
                fee=_fee(place, line),
                key=line.end_to_end_id,
                transaction=transaction,
            )
            for line, transaction in transactions_of(lines)
            if since is None or line.booked_at >= since
        )

    # --- what others do: the rails that reach the venue, and its own people ------------------------------------------
    def pay_in(self, place: Place, amount: Decimal, *, at: datetime, key: str = "", transaction: str = "") -> str:
        """Money of ours reaches the venue, which shows it at `at`."""

        def act(doc: dict[str, Any]) -> str:
            named = {"reference": transaction} if transaction else {"prefix": "D"}
            return outside.add(doc, at=at, kind="RECEIPT", amount=str(amount), end_to_end_id=key, **named)

        return outside.change(place, act)

    def _refused_later(self, place: Place, key: str, now: datetime) -> Answer | None:
        known = outside.change(place, lambda doc: doc["payments"].get(key))
        if known is None or "refused_at" not in known or datetime.fromisoformat(known["refused_at"]) > now:
            return None
        return Answer(Outcome.REJECTED, known["reference"], "refused by the venue's people", stage="REJECTED", version=2)


def transactions_of(lines: Iterable[Entry]) -> Iterator[tuple[Entry, str]]:
    """Each line with the rail's name of it, which is not the venue's: what it pays in parts, or twice, are as many transactions."""
    paid: Counter[str] = Counter()
    for line in lines:
        if line.kind == "RECEIPT":
            yield line, line.reference
            continue
        paid[line.reference] += line.kind == "PAYMENT"
        yield line, f"tx-{line.reference}" if paid[line.reference] < 2 else f"tx-{line.reference}-{paid[line.reference]}"


def _fee(place: Place, line: Entry) -> Decimal:
    if line.kind == "CHARGE":
        return -line.amount
    return FEE.get(place.asset, Decimal(0)) if line.kind == "PAYMENT" else Decimal(0)


def _take_on(doc: dict[str, Any], payment: Payment, now: datetime) -> Answer:
    del doc["scripts"][0]
    doc["made"] += 1
    reference = f"W{doc['made']:06d}"
    refused = {"refused_at": (now + LOOKED_AT_AFTER).isoformat()}
    doc["payments"][payment.key] = {"outcome": "ACCEPTED", "reference": reference, "reason": "", **refused}
    return Answer(Outcome.ACCEPTED, reference)

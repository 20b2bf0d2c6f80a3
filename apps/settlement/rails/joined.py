"""What the simulated world carries between its own: what a simulated bank or chain has paid to a simulated venue shows in its record, and
what the venue has paid out comes in on our simulated account. A line is carried once; one that its bank sends back never arrives.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from apps.core import money

from . import chain, outside
from .bank import BankSimulator
from .base import Entry, Place
from .chain import SimulatedWallet
from .venue_sim import VenueSimulator, transactions_of

CREDITED_AFTER = timedelta(minutes=1)


def is_simulated(rail: object, venue: object) -> bool:
    """Whether both ends are ours to make up."""
    return isinstance(rail, BankSimulator | SimulatedWallet) and isinstance(venue, VenueSimulator)


def to_venue(ours: Place, address: str, venue: Place, *, now: datetime) -> int:
    """What we have paid to the venue's `address`, once it is booked with us; how many lines were carried."""

    def come(doc: dict[str, Any], line: Entry, _: str) -> None:
        told = {"reference": line.reference, "end_to_end_id": line.end_to_end_id}
        outside.add(doc, at=_credited(line, now), kind="RECEIPT", amount=money.text(-line.amount), **told)

    return _carry(ours, address, venue, come, now)


def from_venue(venue: Place, name: str, ours: Place, *, on_chain: bool, now: datetime) -> int:
    """What the venue has sent to our account or wallet, once its record shows it; how many lines were carried.

    :param name: in which it holds the account that it pays from; a chain tells none
    """

    def come(doc: dict[str, Any], line: Entry, transaction: str) -> None:
        amount = money.text(-line.amount)
        if on_chain:
            seen = {"seen_at": line.booked_at.isoformat(), "reference": transaction}
            outside.add(doc, at=max(line.booked_at + chain.final_after(ours), now), kind="RECEIPT", amount=amount, **seen)
        else:
            told = {"prefix": "IN", "counterparty_name": name, "remittance": line.end_to_end_id}
            outside.add(doc, at=_credited(line, now), kind="RECEIPT", amount=amount, **told)

    return _carry(venue, ours.address, ours, come, now)


def _carry(source: Place, address: str, target: Place, come: Callable[[dict[str, Any], Entry, str], None], now: datetime) -> int:
    way = f"{source.rail}:{source.address}>{address}"
    lines = outside.statement(source, after=outside.read(target, lambda doc: _mark(doc, way)), now=now).entries
    if not lines:
        return 0
    back = outside.read(source, _sent_back)

    def act(doc: dict[str, Any]) -> int:
        mark = _mark(doc, way)  # somebody else may have been faster
        new = [(line, name) for line, name in transactions_of(lines) if line.sequence > mark and line.kind == "PAYMENT"]
        due = [one for one in new if one[0].counterparty_address == address and one[0].end_to_end_id not in back]
        for line, name in due:
            come(doc, line, name)
        doc.setdefault("carried", {})[way] = max(mark, lines[-1].sequence)
        return len(due)

    return outside.change(target, act)


def _mark(doc: dict[str, Any], way: str) -> int:
    """The last line that has been carried on a way. What a source pays under one reference is booked in one moment: none is cut in two."""
    return int(doc.get("carried", {}).get(way, 0))


def _sent_back(doc: dict[str, Any]) -> set[str]:
    """The keys of payments that come back, or have."""
    return {str(one.get("end_to_end_id", "")) for one in doc["pending"] + doc["lines"] if one["kind"] == "RETURN"}


def _credited(line: Entry, now: datetime) -> datetime:
    """Not before anything that has been booked there by now."""
    return max(line.booked_at + CREDITED_AFTER, now)

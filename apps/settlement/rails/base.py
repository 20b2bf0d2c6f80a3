"""What settlement asks of a rail or a venue, whatever is behind it. Desk time is handed in."""

from datetime import datetime
from typing import Protocol

from apps.settlement.rules.rail import Answer, Entry, Incoming, Outcome, Payment, Place, Statement
from apps.settlement.rules.venues import Movement

__all__ = ["Answer", "Entry", "Incoming", "Movement", "Outcome", "Payment", "Place", "Rail", "Silence", "Statement", "Venue"]


class Silence(Exception):
    """The rail did not answer within its time: nothing else is asked of it in this run."""


class Rail(Protocol):
    def send(self, place: Place, payment: Payment, *, now: datetime) -> Answer:
        """Pay once per key, however often it is called. Never raises for a lost answer: that is UNKNOWN."""

    def status(self, place: Place, key: str, *, now: datetime) -> Answer:
        """What became of a payment: ACCEPTED, REJECTED, NOT_FOUND, or UNKNOWN while the rail cannot tell.

        NOT_FOUND is a promise: the rail has never got this key and refuses it from now on, should a sender that was held up still come
        with it. A rail that cannot promise that answers UNKNOWN.
        """

    def statement(self, place: Place, *, after: int, now: datetime) -> Statement:
        """The lines booked by `now` with a sequence above `after`, in order."""

    # True: `status` is asked as long as a payment is SENT, since the rail may still refuse what it has taken on. Absent: never.
    # tracks: bool
    # Only where `status` does more than ask (it cancels what never came): the same question, which changes nothing there.
    # def follow(self, place: Place, key: str, *, now: datetime) -> Answer
    # Only where transactions are ours to replace: another one of the payment `key`, its `number`th, with its nonce and a higher fee.
    # The same number again is the same transaction. What can never confirm any more, `status` then tells as REJECTED.
    # def replace(self, place: Place, key: str, *, number: int, fee: Decimal, now: datetime) -> Answer

    def incoming(self, place: Place, *, now: datetime) -> tuple[Incoming, ...]:
        """What is on its way in; empty where a rail only knows booked lines."""


class Venue(Protocol):
    """What a venue or LP is asked, where we keep a balance with it: settings.RAILS names it by `venue:CODE`, else by VENUE."""

    def send(self, place: Place, payment: Payment, *, now: datetime) -> Answer:
        """Pay out to us, to the beneficiary that the payment names: as :meth:`Rail.send`, once per key."""

    def status(self, place: Place, key: str, *, now: datetime) -> Answer:
        """As :meth:`Rail.status`, NOT_FOUND a promise too; `tracks` and `follow` as there."""

    def movements(self, place: Place, *, since: datetime | None, now: datetime) -> tuple[Movement, ...]:
        """Its own record of what came to us there and left, and of its fees, booked from `since` on (None: all), the oldest first.

        What was told may be told again; it is known by its reference.
        """

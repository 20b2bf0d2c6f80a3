"""What settlement asks of a rail, whatever is behind it. Desk time is handed in."""

from datetime import datetime
from typing import Protocol

from apps.settlement.rules.rail import Answer, Entry, Incoming, Outcome, Payment, Place, Statement

__all__ = ["Answer", "Entry", "Incoming", "Outcome", "Payment", "Place", "Rail", "Silence", "Statement"]


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

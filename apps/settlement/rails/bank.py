"""A bank that books within minutes of desk time."""

from datetime import datetime, timedelta
from decimal import Decimal

from . import outside
from .base import Answer, Incoming, Payment, Place, Statement

BOOKED_AFTER = timedelta(minutes=5)


class BankSimulator:
    def send(self, place: Place, payment: Payment, *, now: datetime) -> Answer:
        return outside.pay(place, payment, now=now, delay=BOOKED_AFTER, prefix="FT", charge=Decimal(0))

    def status(self, place: Place, key: str, *, now: datetime) -> Answer:
        return outside.status(place, key, now=now)

    def statement(self, place: Place, *, after: int, now: datetime) -> Statement:
        return outside.statement(place, after=after, now=now)

    def incoming(self, place: Place, *, now: datetime) -> tuple[Incoming, ...]:
        return ()

    # --- what others do to us: the counterparties' own side of the simulation --------------------------------------
    def pay_in(
        self, place: Place, amount: Decimal, *, sender_name: str, sender_address: str, remittance: str, at: datetime, dropped: bool = False
    ) -> str:
        """Money arrives on our account and is booked at once."""
        return outside.receive(
            place,
            amount=amount,
            at=at,
            final_at=at,
            prefix="IN",
            dropped=dropped,
            counterparty_name=sender_name,
            counterparty_address=sender_address,
            remittance=remittance,
        )

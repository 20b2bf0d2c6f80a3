"""A chain: a transfer is seen at once and final after its confirmations; each of ours costs a network fee."""

from datetime import datetime, timedelta
from decimal import Decimal

from . import chain_txs, outside
from .base import Answer, Incoming, Payment, Place, Statement

BLOCK = {"BTC": timedelta(minutes=10), "ETH": timedelta(seconds=12)}
NETWORK_FEE = {"BTC": Decimal("0.00005"), "ETH": Decimal("0.0004")}
_BLOCK, _FEE = timedelta(seconds=12), Decimal("0.0001")  # of other assets


class SimulatedWallet:
    """What comes to a wallet of ours on a chain, whoever keeps its keys."""

    def statement(self, place: Place, *, after: int, now: datetime) -> Statement:
        return outside.statement(place, after=after, now=now)

    def incoming(self, place: Place, *, now: datetime) -> tuple[Incoming, ...]:
        return outside.incoming(place, now=now, block=_block(place))

    def pay_in(
        self, place: Place, amount: Decimal, *, sender_name: str, sender_address: str, remittance: str, at: datetime, dropped: bool = False
    ) -> str:
        """A transfer to our wallet: seen at `at`, final after the rail's confirmations; `dropped`: reorganised away instead."""
        return outside.receive(
            place,
            amount=amount,
            at=at,
            final_at=at + final_after(place),
            prefix="0x",
            dropped=dropped,
            counterparty_name=sender_name,
            counterparty_address=sender_address,
            remittance=remittance,
        )


class ChainSimulator(SimulatedWallet):
    tracks = True  # a transaction that can never confirm any more has not paid

    def send(self, place: Place, payment: Payment, *, now: datetime) -> Answer:
        return outside.pay(place, payment, now=now, delay=final_after(place), prefix="0x", charge=network_fee(place))

    def status(self, place: Place, key: str, *, now: datetime) -> Answer:
        return chain_txs.status(place, key, now=now)

    def replace(self, place: Place, key: str, *, number: int, fee: Decimal, now: datetime) -> Answer:
        """Broadcast another transaction of a payment, with its nonce and a higher fee: once per number, however often it is called."""
        return chain_txs.replace(place, key, number=number, fee=fee, delay=final_after(place), now=now)


def final_after(place: Place) -> timedelta:
    """How long a transfer takes to be final there."""
    return _block(place) * max(1, place.confirmations)


def network_fee(place: Place) -> Decimal:
    """What one transaction of ours costs, in units of the asset."""
    return NETWORK_FEE.get(place.asset, _FEE)


def _block(place: Place) -> timedelta:
    return BLOCK.get(place.asset, _BLOCK)

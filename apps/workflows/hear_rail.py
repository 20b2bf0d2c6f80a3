"""A custodian calls back: its word counts as if we had asked, once, whatever the order in which its messages come."""

from datetime import datetime

from apps.core import ids
from apps.core.unit import use_case
from apps.events import operations as events
from apps.settlement import queries as settlement
from apps.settlement.operations import receipts
from apps.settlement.queries import reports as payments
from apps.settlement.rules.custody import Deposit, Withdrawal

from .send_payment import take_answer


@use_case
def hear_withdrawal(*, rail: str, said: Withdrawal, message: str, now: datetime) -> bool:
    """Where a payment of ours stands. False: it is none of ours on this rail, which a person looks into.

    :param said: read from a callback whose signature held
    """
    found = payments.find_payment(said.key, rail=rail, asset=said.asset, address=said.account)
    if found is None:
        _unexplained(rail, f"withdrawal {said.key}")
        return False
    take_answer(instruction_id=found.id, answer=said.answer, final=False, source="CALLBACK", message=message, now=now)
    return True


@use_case
def hear_deposit(*, rail: str, said: Deposit, now: datetime) -> bool:
    """A transfer to us is on its way, or was dropped. It is money only when a statement shows it. False: to none of our accounts."""
    nostro = settlement.list_nostros().filter(rail_id=rail, asset_id=said.asset, address=said.account).first()
    if nostro is None:
        _unexplained(rail, f"deposit {said.incoming.reference}")
        return False
    receipts.see_all(nostro=nostro, incoming=[said.incoming], now=now)
    return True


def _unexplained(rail: str, what: str) -> None:
    events.record("rail.unexplained", subject_type="rail", subject_id=ids.uuid7(), house={"rail": rail, "what": what})

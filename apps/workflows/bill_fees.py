"""Fees that are invoiced are no part of their deals: what has come together is billed as one adjustment, or given back by one."""

from datetime import date, datetime, timedelta
from uuid import NAMESPACE_X500, UUID, uuid5

from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.core import money
from apps.core.actor import Actor
from apps.core.unit import use_case
from apps.instruments import queries as instruments
from apps.instruments.rules import next_good_day
from apps.reports.queries import invoices
from apps.settlement.errors import BadAdjustment
from apps.settlement.models import Adjustment
from apps.settlement.queries import adjustments
from apps.settlement.states import AdjustmentKind
from apps.users import rules as people

from . import adjust
from .adjust import Wanted

SCHEDULE = Actor(kind="SYSTEM", id=uuid5(NAMESPACE_X500, "the schedule of fees"), name="the schedule")
LIVES = timedelta(days=28)  # finance has until the next month's


@use_case
def ask_bill(*, actor: Actor, account_code: str, asset: str, value_date: date, reason: str, now: datetime) -> tuple[Adjustment, Approval]:
    """Ask that all fees invoiced to an account in one asset, and not billed yet, be owed on a value date; finance checks it.

    What a correction or a cancellation took back after it had been billed is in the next one, which may go the other way.

    :raises AppError: RoleMissing, NotFound, BadAdjustment (nothing is to be billed)
    """
    people.require_may(actor.roles, adjust.ACT)
    account = clients.get_account_by_code(account_code)
    clients.lock_account(account.id)  # two at once would bill the same fees
    ours = clients.get_terms(account.id, now).entity_id  # the adjustment is of that entity; what another one invoiced stays open
    found = [one.amount for one in invoices.list_unbilled(account.id) if (one.asset, one.entity_id) == (asset, ours)]
    if not found:
        raise BadAdjustment(f"no fees in {asset} to bill to {account_code}", pointer="/asset")
    (amount,) = found
    direction = "RECEIVE" if amount > 0 else "PAY"
    wanted = Wanted(str(AdjustmentKind.FEES), direction, asset, abs(amount), value_date, reason, evidence="as invoiced, deal by deal")
    return adjust.ask(actor=actor, account=account, wanted=wanted, now=now, is_billed=True)


@use_case
def ask_month(*, account_id: UUID, asset: str, now: datetime) -> Adjustment | None:
    """The schedule asks that the fees of the last month be owed, once the day of our entity is in the next one; finance checks it.

    Once for account, asset, entity and month, whoever is first and however late: what finance rejects is asked again by hand, or is in the
    next month's. None: nothing is to be billed, or it was asked.

    :raises BadAdjustment: the account is frozen
    """
    clients.lock_account(account_id)
    account = clients.get_owned(account_id)
    entity = instruments.get_entity_by_id(clients.get_terms(account_id, now).entity_id)
    today = entity.business_date(now)
    last = today.replace(day=1) - timedelta(days=1)
    key = uuid5(NAMESPACE_X500, f"fees {account_id} {asset} {entity.id} {last.isoformat()}")
    ours = [one for one in invoices.list_unbilled(account_id) if (one.asset, one.entity_id) == (asset, entity.id)]
    amount = invoices.unbilled_until(ours[0], last) if ours else money.ZERO
    if not amount or adjustments.is_known(key):
        return None
    direction, calendar = "RECEIVE" if amount > 0 else "PAY", instruments.get_asset(asset).calendar
    day = next_good_day(today, [calendar] if calendar else [], instruments.get_calendars())
    wanted = Wanted(
        str(AdjustmentKind.FEES), direction, asset, abs(amount), day, f"fees of {last:%B %Y}", evidence="as invoiced, deal by deal"
    )
    made, _ = adjust.ask(actor=SCHEDULE, account=account, wanted=wanted, now=now, is_billed=True, adjustment_id=key, lives=LIVES)
    return made

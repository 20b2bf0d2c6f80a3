"""Fees that are invoiced are no part of their deals: what has come together is billed as one adjustment, or given back by one."""

from datetime import date, datetime

from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.core.actor import Actor
from apps.core.unit import use_case
from apps.reports.queries import invoices
from apps.settlement.errors import BadAdjustment
from apps.settlement.models import Adjustment
from apps.settlement.states import AdjustmentKind
from apps.users import rules as people

from . import adjust
from .adjust import Wanted


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

"""No prefunded account owes in silence: what it is short of is called, the client restricted, and paid deals settle out of the balance."""

from datetime import datetime
from uuid import UUID

from apps.clients import queries as clients
from apps.clients import rules
from apps.clients.states import ClientStatus
from apps.core.unit import use_case
from apps.credit import operations as credit
from apps.credit import queries as calls
from apps.credit.models import ExposureCall
from apps.settlement import queries as settlement
from apps.settlement.operations import prefunded, settling

from . import change_status


@use_case
def settle_owed(*, trade_id: UUID, account_id: UUID, now: datetime) -> bool:
    """Settle a deal that was agreed past the balance, where the balance holds it now."""
    settling.lock_money(account_id=account_id)
    return prefunded.settle_owed(trade_id=trade_id, now=now)


@use_case
def watch_balance(*, account_id: UUID, now: datetime) -> list[ExposureCall]:
    """Call what an account is short of, and meet what it is short of no longer; whoever is called is RESTRICTED until two bring it up.

    Of a FROZEN client nothing is asked.
    """
    account = clients.get_owned(account_id)
    if set(settlement.list_short(account_id)) == calls.list_called(account_id):
        return []
    change_status.stand_still(client_id=account.owner_id)
    status = rules.stricter(clients.get_counterparty(account.owner_id).status, account.status)
    if status is ClientStatus.FROZEN:
        return []
    short = settlement.list_short(account_id)
    made = credit.call_balance(account_id=account_id, client_id=account.owner_id, short=short, now=now)
    if made and status is ClientStatus.APPROVED:
        why = f"{account.code} is past its balance"
        change_status.lower(client_id=account.owner_id, status=ClientStatus.RESTRICTED, reason=why, now=now)
    return made

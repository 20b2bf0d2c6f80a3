"""The desk takes an open quote back: refused is what is received from then on, never what came before."""

from datetime import datetime
from uuid import UUID

from apps.core.actor import Actor
from apps.core.clock import desk_now
from apps.core.unit import use_case
from apps.rfqs import operations as rfqs
from apps.rfqs import queries as rfq_queries
from apps.rfqs import rules as rfq_rules
from apps.rfqs.errors import RfqClosed
from apps.rfqs.models import Rfq
from apps.rfqs.states import RfqStatus, Withdrawal
from apps.users.rules import require_may

from . import taking


@use_case
def withdraw_quote(*, actor: Actor, quote_id: UUID, now: datetime) -> Rfq:
    """QUOTED → PICKED_UP: its owner withdraws the quote (and one superseded within its minimum life); its credit goes back.

    It waits for accepts that were received before, and counts as a desk withdrawal in the client's statistics.

    :raises AppError: RoleMissing, NotFound, NotYours, RfqClosed
    """
    require_may(actor.roles, "quote")
    rfq = rfq_queries.get_rfq(rfq_queries.get_quote(quote_id).rfq_id, actor=actor)
    rfq_queries.close_gates(rfq.id)
    taking.lock_money(mode=rfq.terms.mode, group_id=rfq.client.group_id, client_id=rfq.client_id, account_id=rfq.account_id)
    held = rfq_queries.lock_rfq(rfq.id)
    at = desk_now()
    rfq_rules.require_owner(held.status, held.owner_id, actor.id)
    if held.status != RfqStatus.QUOTED:
        raise RfqClosed(f"the request is {held.status}")
    taking.give_back(rfq_id=rfq.id, account_id=rfq.account_id, mode=rfq.terms.mode, now=at)
    rfqs.withdraw(rfq=held, reason=Withdrawal.DESK, now=at)
    return held

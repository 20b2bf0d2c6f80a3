"""What of deals waits for somebody: requests for a version, confirmations, disputes, shares of blocks."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.approvals import queries as approvals
from apps.clients.models import Account
from apps.core.actor import Actor
from apps.trades.models import Allocation, Confirmation, Dispute
from apps.trades.queries import find_client_trade, unallocated

KINDS = ("trade_version", "dispute")


@dataclass(frozen=True, slots=True)
class Asked:
    """A change of a deal that waits for its checkers; `is_open_to` says whether this person may look at the request."""

    id: UUID
    kind: str
    title: str
    maker: str
    requested_at: datetime
    waits_for: str
    is_open_to: bool


@dataclass(frozen=True, slots=True)
class Answers:
    """Of one deal: what is asked of it, its current confirmation, its disputes (the last first) and its shares."""

    asked: list[Asked]
    confirmation: Confirmation | None
    disputes: list[Dispute]
    allocations: list[Allocation]
    others: list[Account]  # of the same client: who could take a share
    unallocated: Decimal  # base that nobody else has taken

    @property
    def open_dispute(self) -> Dispute | None:
        return next((one for one in self.disputes if one.status == "OPEN"), None)


def get_answers(trade_id: UUID, *, actor: Actor) -> Answers:
    open_of = approvals.list_open().filter(subject_id=trade_id, kind__in=KINDS).prefetch_related("signatures")
    visible = set(approvals.visible_to(actor).filter(subject_id=trade_id).values_list("id", flat=True))
    trade = find_client_trade(trade_id)
    return Answers(
        [
            Asked(a.id, a.kind, a.title, a.maker_name, a.requested_at, ", and ".join(approvals.describe_missing(a)), a.id in visible)
            for a in open_of
        ],
        Confirmation.objects.filter(trade_id=trade_id).select_related("version").order_by("-version__number").first(),
        list(Dispute.objects.filter(trade_id=trade_id).select_related("version").order_by("-raised_at", "-id")),
        list(Allocation.objects.filter(trade_id=trade_id).select_related("account").order_by("proposed_at", "id")),
        list(Account.objects.filter(owner_id=trade.counterparty_id).exclude(id__in=[trade.account_id]).order_by("code")),
        unallocated(trade),
    )

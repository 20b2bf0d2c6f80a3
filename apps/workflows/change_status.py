"""A client's or an account's status: down by one person at once, up by two with compliance.

Leaving APPROVED takes everything with it in the same transaction: open requests end, quotes are withdrawn, what they reserved or held goes
back; below RESTRICTED keys lose what they deal with (a restricted client takes off by the same keys; ADR 0017), and our payments that have
not begun to leave are BLOCKED. Booked deals bind. What has come for a FROZEN one and is not credited goes to blocked assets.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import operations as clients
from apps.clients import queries, rules
from apps.clients.errors import NotDown, NotUp, StillOpen
from apps.clients.models import Account, Counterparty
from apps.clients.states import ClientStatus
from apps.core.actor import Actor
from apps.core.errors import AppError
from apps.core.unit import step, use_case
from apps.credit import operations as credit
from apps.credit import queries as credit_queries
from apps.ledger import queries as ledger
from apps.reports.queries import invoices
from apps.rfqs import operations as rfqs
from apps.rfqs import queries as rfq_queries
from apps.rfqs.states import RfqStatus, Withdrawal
from apps.settlement import queries as settlement
from apps.settlement.operations import standing
from apps.users import rules as people

from . import taking

UP, DOWN = "client_up", "client_down"
TOLD = "account_unavailable"  # the client is told no more than this


@use_case
def lower_status(
    *, actor: Actor, client_id: UUID, account_id: UUID | None = None, status: ClientStatus, reason: str, now: datetime
) -> Counterparty | Account:
    """Make a client (or one account of it) stricter: RESTRICTED, SUSPENDED, FROZEN or OFFBOARDED, by one person and at once.

    It waits for the accepts that were received before, and refuses those that come after.

    :raises RoleMissing: not of risk or compliance
    :raises NotFound: no such client or account
    :raises NotDown: the status asked for is not stricter
    :raises IllegalMove: from its status it cannot become this
    :raises StillOpen: OFFBOARDED while something is open
    """
    people.require_may(actor.roles, DOWN)
    return lower(client_id=client_id, account_id=account_id, status=status, reason=reason, now=now)


@step
def lower(*, client_id: UUID, account_id: UUID | None = None, status: ClientStatus, reason: str, now: datetime) -> Counterparty | Account:
    """:func:`lower_status` by a rule of the desk, or for a person who may; first of all locks in its transaction."""
    client, accounts = stand_still(client_id=client_id, account_id=account_id)
    thing = queries.lock_status(client_id, account_id)
    if not rules.is_down(thing.status, status):
        raise NotDown(f"{thing.status} → {status} is not stricter")
    if status == ClientStatus.OFFBOARDED:
        require_nothing_open(accounts, StillOpen, whole=client if account_id is None else None)
    for account in accounts:
        _end_requests(account.id, now)
    if not rules.may_reduce(status):
        clients.narrow_keys(client_id=client.id, account_id=account_id)
    clients.set_status(thing=thing, status=status, reason=reason)
    if not rules.may_reduce(status):
        standing.block_of(account_ids=[account.id for account in accounts], now=now)
    if status == ClientStatus.FROZEN:
        standing.freeze_receipts(account_ids=[account.id for account in accounts], now=now)
    return thing


@step
def stand_still(*, client_id: UUID, account_id: UUID | None = None) -> tuple[Counterparty, list[Account]]:
    """Wait for the accepts that were received before, and let none begin: the money of a client, or of one account, is locked; of a whole
    client its own row before that, as whoever opens an account for it does.
    """
    client = queries.get_counterparty(client_id)
    accounts = _accounts(client, account_id)
    rfq_queries.close_gates_of([account.id for account in accounts])
    if account_id is None:
        queries.lock_counterparty(client_id)
    credit.lock_client(group_id=client.group_id, client_id=client.id, account_ids=[account.id for account in accounts])
    for account in accounts:
        queries.lock_account(account.id)
    return client, accounts


@use_case
def propose_status(
    *, actor: Actor, client_id: UUID, account_id: UUID | None = None, status: ClientStatus, reason: str, now: datetime
) -> Approval:
    """Ask that a client (or one account of it) may do more again. Keys stay as they are: each is widened by itself.

    :raises RoleMissing: not of sales or compliance
    :raises NotFound: no such client or account
    :raises NotUp: it is not a step up from where it stands
    :raises ApprovalOpen: it is asked already
    """
    people.require_may(actor.roles, UP)
    thing = queries.find_status(client_id, account_id)
    if not rules.is_up(thing.status, status):
        raise NotUp(f"{thing.status} → {status} is not a step up")
    return approvals.request(
        kind="client_status",
        subject_type="account" if account_id else "client",
        subject_id=thing.id,
        subject_version=str(thing.status),
        title=f"{thing}: {status.lower()}",
        payload={"status": str(status), "client_id": str(client_id), "account_id": str(account_id) if account_id else None, "why": reason},
        before={"status": str(thing.status)},
        maker=actor,
        checker_roles=people.ACTS[UP][1],
        now=now,
    )


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """What an approved request of kind "client_status" does (settings.APPROVALS)."""
    thing = queries.lock_status(*_subject(approval))
    clients.set_status(thing=thing, status=ClientStatus(approval.payload["status"]), reason=approval.payload["why"])


def version(approval: Approval) -> str:
    return str(queries.lock_status(*_subject(approval)).status)


def _subject(approval: Approval) -> tuple[UUID, UUID | None]:
    account = approval.payload["account_id"]
    return UUID(approval.payload["client_id"]), UUID(account) if account else None


def _accounts(client: Counterparty, account_id: UUID | None) -> list[Account]:
    """All of a client, in order of their ids, or the one that was named."""
    mine = sorted(queries.list_accounts(client.id), key=lambda account: account.id)
    return mine if account_id is None else [queries.find_status_account(client.id, account_id)]


def _end_requests(account_id: UUID, now: datetime) -> None:
    for rfq in rfq_queries.list_open_of(account_id):
        taking.give_back(rfq_id=rfq.id, account_id=account_id, mode=rfq.terms.mode, now=now)
        rfqs.end_rfq(rfq_id=rfq.id, status=RfqStatus.REJECTED, reason=TOLD, now=now, quote_reason=Withdrawal.CLIENT_STATUS)


def require_nothing_open(
    accounts: Sequence[Account], no: type[AppError], *, whole: Counterparty | None = None, balances: bool = True
) -> None:
    """
    :param no: what it is refused with, with the list of what is open
    :param whole: what has accrued with the client itself counts too: fees invoiced and not billed, commissions not paid out
    :param balances: an amount on the accounts counts too
    """
    open_things = []
    if whole is not None:
        accrued = ledger.list_client_balances([whole.id]).get(whole.id, [])
        open_things += [f"{whole.code}: {b.asset} accrued" for b in accrued if b.posted or b.receivable or b.payable]
    for account in accounts:
        open_things += [f"{account.code}: {count} {what}" for what, count in settlement.count_open(account.id)]
        held = ledger.list_client_balances([account.id]).get(account.id, []) if balances else []
        open_things += [f"{account.code}: a balance of {b.asset}" for b in held if b.posted or b.receivable or b.payable]
        open_things += [f"{account.code}: fees in {one.asset} not billed" for one in invoices.list_unbilled(account.id)]
        if credit_queries.has_live(account.id):
            open_things.append(f"{account.code}: credit in use")
    if open_things:
        raise no("; ".join(open_things), open=open_things)

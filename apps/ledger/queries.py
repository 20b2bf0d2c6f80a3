"""Balances and entries."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet, Sum

from apps.core import db, money

from . import rules
from .models import Hold, LedgerAccount, LedgerLine, LedgerTransaction
from .rules import Ref
from .states import HAVE, RESULT, HoldStatus, Kind

OF_CLIENTS = (Kind.CLIENT_BALANCE, Kind.RECEIVABLE, Kind.PAYABLE)


@dataclass(frozen=True)
class ClientBalance:
    """In units of the asset; `posted` is what we owe the client, negative when the client owes us."""

    asset: str
    posted: Decimal
    held: Decimal
    available: Decimal
    receivable: Decimal  # what the client owes from deals on credit
    payable: Decimal  # what we owe from deals on credit


def list_client_balances(account_ids: Iterable[UUID]) -> dict[UUID, list[ClientBalance]]:
    """Per account, one row an asset; the caller has checked that the accounts may be seen."""
    rows: dict[tuple[UUID, str], dict[str, tuple[Decimal, Decimal]]] = {}
    for row in LedgerAccount.objects.filter(owner_id__in=list(account_ids), kind__in=OF_CLIENTS).order_by("asset_code"):
        assert row.owner_id is not None
        rows.setdefault((row.owner_id, row.asset_code), {})[row.kind] = (row.amount, row.held)
    out: dict[UUID, list[ClientBalance]] = {}
    none = (money.ZERO, money.ZERO)
    for (owner, asset), kinds_ in rows.items():
        amount, held = kinds_.get(Kind.CLIENT_BALANCE, none)
        out.setdefault(owner, []).append(
            ClientBalance(
                asset=asset,
                posted=-amount,
                held=held,
                available=rules.available(amount, held),
                receivable=kinds_.get(Kind.RECEIVABLE, none)[0],
                payable=-kinds_.get(Kind.PAYABLE, none)[0],
            )
        )
    return out


_AS_OF = """
SELECT a.owner_id, a.asset_code, a.kind, sum(l.amount) FROM ledger_ledgeraccount a
JOIN ledger_ledgerline l ON l.account_id = a.id JOIN ledger_ledgertransaction t ON t.id = l.transaction_id
WHERE a.owner_id = ANY (%s::uuid[]) AND a.kind IN ('CLIENT_BALANCE', 'RECEIVABLE', 'PAYABLE')
  AND t.effective_at <= coalesce(%s, 'infinity'::timestamptz) AND t.recorded_at <= coalesce(%s, 'infinity'::timestamptz)
GROUP BY a.owner_id, a.asset_code, a.kind
"""
_HELD_AS_OF = """
SELECT a.owner_id, a.asset_code, 'HELD', sum(h.amount) FROM ledger_ledgeraccount a JOIN ledger_hold h ON h.account_id = a.id
WHERE a.owner_id = ANY (%s::uuid[]) AND h.created_at <= coalesce(%s, 'infinity'::timestamptz)
  AND coalesce(h.ended_at, 'infinity'::timestamptz) > coalesce(%s, desk_now())
GROUP BY a.owner_id, a.asset_code
"""


def list_client_balances_as_of(
    account_ids: Iterable[UUID], *, effective_at: datetime | None, recorded_at: datetime | None
) -> dict[UUID, list[ClientBalance]]:
    """What had taken effect by one moment (desk time), as far as it was recorded by the other (wall time); None: by now.

    A correction that is posted later with its effect in the past is in the first, and is not in the second before it was recorded. What is
    held has one time, the desk's. The caller has checked that the accounts may be seen.
    """
    rows: dict[tuple[UUID, str], dict[str, Decimal]] = {}
    owners = db.array(account_ids)
    for owner, asset, kind, total in [
        *db.run(_AS_OF, (owners, effective_at, recorded_at)),
        *db.run(_HELD_AS_OF, (owners, effective_at, effective_at)),
    ]:
        rows.setdefault((owner, asset), {})[kind] = total
    out: dict[UUID, list[ClientBalance]] = {}
    for (owner, asset), found in sorted(rows.items(), key=lambda row: row[0][1]):
        amount, owed, owing, held = (found.get(k, money.ZERO) for k in (Kind.CLIENT_BALANCE, Kind.RECEIVABLE, Kind.PAYABLE, "HELD"))
        out.setdefault(owner, []).append(
            ClientBalance(asset=asset, posted=-amount, held=held, available=rules.available(amount, held), receivable=owed, payable=-owing)
        )
    return out


def get_amount(ref: Ref) -> Decimal:
    """The balance, debits positive; zero where the account does not exist yet."""
    found = LedgerAccount.objects.filter(id=ref.id).values_list("amount", flat=True).first()
    return money.ZERO if found is None else found


def available_but_for(ref: Ref, *, source_id: UUID) -> Decimal:
    """What a client could use of a balance, were nothing held for this source; nothing is locked."""
    row = LedgerAccount.objects.filter(id=ref.id).values_list("amount", "held").first()
    mine = Hold.objects.filter(account_id=ref.id, source_id=source_id, status=HoldStatus.PENDING).aggregate(total=Sum("amount"))["total"]
    return money.ZERO if row is None else rules.available(*row) + (mine or money.ZERO)


def list_holding(source_ids: Iterable[UUID]) -> list[UUID]:
    """Those of these sources that have money set aside, in order of their ids."""
    return list(
        Hold.objects.filter(source_id__in=list(source_ids), status=HoldStatus.PENDING)
        .order_by("source_id")
        .values_list("source_id", flat=True)
        .distinct()
    )


def sum_amounts(
    entity_id: UUID, asset: str, kinds: Iterable[Kind], *, designation: str | None = None, owner_ids: Iterable[UUID] | None = None
) -> Decimal:
    """Σ of balances of these kinds, debits positive."""
    rows = LedgerAccount.objects.filter(entity_id=entity_id, asset_code=asset, kind__in=list(kinds))
    if designation is not None:
        rows = rows.filter(designation=designation)
    if owner_ids is not None:
        rows = rows.filter(owner_id__in=list(owner_ids))
    return rows.aggregate(s=Sum("amount"))["s"] or money.ZERO


def sum_owed_to(entity_id: UUID, asset: str, account_ids: Iterable[UUID]) -> Decimal:
    """Σ of the positive balances of these clients: an overdraft of one never covers another."""
    rows = LedgerAccount.objects.filter(
        entity_id=entity_id, asset_code=asset, kind=Kind.CLIENT_BALANCE, owner_id__in=list(account_ids), amount__lt=0
    )
    return -(rows.aggregate(s=Sum("amount"))["s"] or money.ZERO)


def list_overdrawn() -> list[UUID]:
    """Client accounts with a balance below zero: reversals, returns and corrections always post."""
    rows = LedgerAccount.objects.filter(kind=Kind.CLIENT_BALANCE, amount__gt=0, owner_id__isnull=False)
    return [owner for owner in rows.order_by("owner_id").values_list("owner_id", flat=True).distinct() if owner is not None]


def list_positions(entity_id: UUID, book_id: UUID | None = None) -> dict[str, Decimal]:
    """Net open position per asset, positive = long: −Σ of the result side (operations.md, position identity)."""
    rows = LedgerAccount.objects.filter(entity_id=entity_id, kind__in=RESULT)
    if book_id is not None:
        rows = rows.filter(book_id=book_id)
    return {a: -s for a, s in rows.values_list("asset_code").annotate(s=Sum("amount")).order_by("asset_code")}


@dataclass(frozen=True)
class Identity:
    """Both sides of the position identity of one asset; they are equal or the books are wrong."""

    asset: str
    have: Decimal
    position: Decimal
    by_kind: dict[str, Decimal]

    @property
    def holds(self) -> bool:
        return self.have == self.position


def list_identity(entity_id: UUID) -> list[Identity]:
    """Net open position = Σ what we have and owe = −Σ what it is a position in, per asset."""
    by: dict[str, dict[str, Decimal]] = {}
    rows = LedgerAccount.objects.filter(entity_id=entity_id).values_list("asset_code", "kind").annotate(s=Sum("amount"))
    for asset, kind, total in rows.order_by("asset_code", "kind"):
        by.setdefault(asset, {})[kind] = total
    return [
        Identity(
            asset=asset,
            have=sum((kinds.get(k, money.ZERO) for k in HAVE), money.ZERO),
            position=-sum((kinds.get(k, money.ZERO) for k in RESULT), money.ZERO),
            by_kind=kinds,
        )
        for asset, kinds in by.items()
    ]


def list_lines_of(source_ids: Iterable[UUID]) -> QuerySet[LedgerLine]:
    """Lines of the transactions whose source is one of these."""
    return (
        LedgerLine.objects.filter(transaction__source_id__in=list(source_ids))
        .select_related("transaction", "account")
        .order_by("transaction_id", "id")
    )


def list_entries(account_ids: Iterable[UUID], *, asset: str | None = None, since: date | None = None) -> QuerySet[LedgerTransaction]:
    """Entries that moved what these accounts hold, owe or are owed; the caller has checked that they may be seen."""
    lines = _lines_of(account_ids).filter(transaction_id=OuterRef("id"))
    rows = LedgerTransaction.objects.filter(Exists(lines if asset is None else lines.filter(asset_code=asset)))
    return rows if since is None else rows.filter(business_date__gte=since)


def list_entry_lines(transaction_ids: Iterable[UUID], account_ids: Iterable[UUID]) -> dict[UUID, list[LedgerLine]]:
    """The lines of entries that are these accounts'."""
    out: dict[UUID, list[LedgerLine]] = {}
    rows = _lines_of(account_ids).filter(transaction_id__in=list(transaction_ids))
    for line in rows.select_related("account").order_by("transaction_id", "id"):
        out.setdefault(line.transaction_id, []).append(line)
    return out


def _lines_of(account_ids: Iterable[UUID]) -> QuerySet[LedgerLine]:
    return LedgerLine.objects.filter(account__owner_id__in=list(account_ids), account__kind__in=OF_CLIENTS)


def list_at_venue(owner_id: UUID) -> dict[str, Decimal]:
    """What we hold with an LP or venue, by asset."""
    rows = LedgerAccount.objects.filter(kind=Kind.VENUE, owner_id=owner_id).values("asset_code").annotate(total=Sum("amount"))
    return {row["asset_code"]: row["total"] for row in rows}


def list_moved(account_ids: Iterable[UUID], until: date) -> set[UUID]:
    """Of these ledger accounts those with a posting of this business date or an earlier one."""
    rows = LedgerLine.objects.filter(account_id__in=list(account_ids), transaction__business_date__lte=until)
    return set(rows.values_list("account_id", flat=True).distinct())


def has_moved(owner_id: UUID) -> bool:
    """Whether anything was ever posted to a balance of this owner."""
    return LedgerAccount.objects.filter(owner_id=owner_id, version__gt=0).exists()

"""What deals on credit still put at risk, by what is owed from them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Q

from apps.clients import queries as clients
from apps.core import db
from apps.credit.rules import Exposed
from apps.settlement.models import Obligation, Receipt, ReceiptMatch
from apps.settlement.states import ObligationStatus, ReceiptStatus

OPEN = [ObligationStatus.OPEN, ObligationStatus.NETTED, ObligationStatus.INSTRUCTED, ObligationStatus.PART_SETTLED]

# A reservation is of a deal's own account (its request) or of one allocation. What a version owes counts whole while any of it is open.
_EXPOSED = f"""
SELECT c.account_id, t.counterparty_id, m.close_out_agreement, m.close_out_netting AND m.close_out_date <= %(today)s,
  p.code, v.pays_asset, x.pays, v.receives_asset, x.receives, c.notional, c.haircut
FROM credit_reservation c
JOIN trades_trade t ON t.id = c.deal_id
JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = t.version
JOIN instruments_pair p ON p.code = t.pair_id
LEFT JOIN clients_terms m ON m.account_id = c.account_id AND {clients.terms_in_force("m")}
CROSS JOIN LATERAL (
  SELECT coalesce(sum(CASE o.direction WHEN 'RECEIVE' THEN o.amount ELSE -o.amount END) FILTER (WHERE o.asset_id = v.pays_asset), 0)
      AS pays,
    coalesce(sum(CASE o.direction WHEN 'PAY' THEN o.amount ELSE -o.amount END) FILTER (WHERE o.asset_id = v.receives_asset), 0) AS receives
  FROM settlement_obligation o
  WHERE o.trade_id = t.id AND o.status <> 'CANCELLED' AND coalesce(o.allocation_id, t.rfq_id) = c.source_id AND EXISTS (
    SELECT 1 FROM settlement_obligation q WHERE q.trade_id = o.trade_id AND q.version_id = o.version_id
      AND q.allocation_id IS NOT DISTINCT FROM o.allocation_id AND q.status IN ('OPEN', 'NETTED', 'INSTRUCTED', 'PART_SETTLED'))
) x
WHERE c.line_id = %(line)s AND c.status = 'COMMITTED'
"""  # noqa: S608


def list_exposed(line_id: UUID, today: date) -> list[Exposed]:
    """The live deals of a credit line: what each client pays and receives, and the close-out netting agreement it falls under."""
    return [
        Exposed(
            netting=(row[1], row[2]) if row[3] else None,
            pair=row[4],
            pays_asset=row[5],
            pays=row[6],
            receives_asset=row[7],
            receives=row[8],
            notional=row[9],
            haircut=row[10],
        )
        for row in db.run(_EXPOSED, {"line": line_id, "today": today})
    ]


@dataclass(frozen=True, slots=True)
class Due:
    """What is still open of one account's part of a deal, in units of the asset."""

    allocation_id: UUID | None
    direction: str
    asset: str
    amount: Decimal
    value_date: date


def list_outstanding(trade_id: UUID) -> list[Due]:
    """Of every account's part of a deal."""
    rows = Obligation.objects.filter(trade_id=trade_id, status__in=OPEN).order_by("value_date", "id")
    return [Due(o.allocation_id, o.direction, o.asset_id, o.amount - o.settled_amount, o.value_date) for o in rows]


def find_reverted(nostro_id: UUID, reference: str) -> UUID | None:
    """The receipt of this reference, where it was taken back."""
    rows = Receipt.objects.filter(nostro_id=nostro_id, rail_reference=reference, status=ReceiptStatus.REVERTED)
    return rows.values_list("id", flat=True).first()


def list_owed_again(receipt_id: UUID) -> list[tuple[UUID, UUID]]:
    """(account, deal) of what a receipt had paid and is open again; none while it is MATCHED."""
    undone = ReceiptMatch.objects.filter(receipt_id=receipt_id, instruction__isnull=False).exclude(receipt__status=ReceiptStatus.MATCHED)
    legs, owed = undone.values("instruction__net_leg_id"), undone.values("instruction__obligation_id")
    rows = Obligation.objects.filter(Q(net_leg_id__in=legs) | Q(id__in=owed), status__in=OPEN, trade__kind="CLIENT")
    return sorted(set(rows.values_list("account_id", "trade_id")))


def list_obligations_of(trade_ids: Iterable[UUID]) -> list[Obligation]:
    """All of some deals, cancelled ones too, in the order in which they were made."""
    return list(Obligation.objects.filter(trade_id__in=list(trade_ids)).select_related("version", "account", "net_leg").order_by("id"))

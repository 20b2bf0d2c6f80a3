"""What came from whom, as the rail says: proof that a wallet is its owner's."""

from datetime import datetime
from decimal import Decimal

from apps.settlement.models import Receipt
from apps.settlement.states import ReceiptStatus

NOT_FINAL = [ReceiptStatus.SEEN, ReceiptStatus.DROPPED, ReceiptStatus.REVERTED]


def has_come(rail_code: str, reference: str, *, sender: str, amount: str, since: datetime) -> bool:
    """Whether exactly this amount came from this address over this rail, finally, and was first seen after `since`."""
    rows = Receipt.objects.filter(nostro__rail_id=rail_code, rail_reference=reference, sender_address=sender, amount=Decimal(amount))
    return rows.filter(seen_at__gt=since).exclude(status__in=NOT_FINAL).exists()

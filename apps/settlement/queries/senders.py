"""What came from whom, as the rail says and our people cleared it: proof that a wallet is its owner's."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.settlement.models import Receipt
from apps.settlement.states import ReceiptStatus

STANDS = [ReceiptStatus.CLEARED, ReceiptStatus.MATCHED]


def has_come(rail_code: str, reference: str, client_id: UUID, *, sender: str, amount: str, since: datetime) -> bool:
    """Whether exactly this amount came from this address over this rail, was first seen after `since`, and is cleared as this client's.

    A wallet that is not known yet sends into quarantine: it proves nothing before compliance has applied what came to the client's account,
    nor once it is frozen, sent back or reverted.
    """
    rows = Receipt.objects.filter(nostro__rail_id=rail_code, rail_reference=reference, sender_address=sender, amount=Decimal(amount))
    return rows.filter(seen_at__gt=since, account__owner_id=client_id, status__in=STANDS).exists()

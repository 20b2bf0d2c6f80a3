"""The events of requests and quotes, told to their client."""

from datetime import datetime
from typing import Any

from apps.core import ids
from apps.events import operations as events
from apps.rfqs.models import Quote, Rfq
from apps.rfqs.queries import describe_state


def tell(
    rfq: Rfq, kind: str, public: dict[str, Any] | None = None, house: dict[str, Any] | None = None, at: datetime | None = None
) -> None:
    """A fact of a request; without `public` the client is told its id and status."""
    events.record(
        kind,
        subject_type="rfq",
        subject_id=rfq.id,
        client_id=rfq.client_id,
        account_id=rfq.account_id,
        public=describe_state(rfq) if public is None else public,
        house=house or {},
        at=at,
    )


def tell_quote(rfq: Rfq, kind: str, quote: Quote, public: dict[str, Any] | None = None, house: dict[str, Any] | None = None) -> None:
    """A fact of one quote; without `public` the client is told its id, status and reason."""
    plain = {"id": ids.encode("quo", quote.id), "rfq_id": ids.encode("rfq", rfq.id), "status": str(quote.status)}
    if quote.end_reason:
        plain["reason"] = quote.end_reason
    events.record(
        kind,
        subject_type="quote",
        subject_id=quote.id,
        client_id=rfq.client_id,
        account_id=rfq.account_id,
        public=plain if public is None else public,
        house={"rfq": str(rfq.id)} | (house or {}),
    )

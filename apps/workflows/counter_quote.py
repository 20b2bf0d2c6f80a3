"""A client answers a quote with its own limit: a person reads it and answers with another quote, or not."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.core.actor import Actor
from apps.core.unit import use_case
from apps.rfqs import operations as rfqs
from apps.rfqs import queries as rfq_queries
from apps.rfqs.models import Quote, Rfq
from apps.rfqs.states import Side

from . import quoting, taking


@use_case
def counter_quote(*, actor: Actor, quote_id: UUID, side: Side, price: Decimal, now: datetime) -> tuple[Rfq, Quote, str]:
    """The quote ends COUNTERED, its credit goes back, and the request goes to its owner, or to the queue where it was priced by itself.

    :param price: the worst that the client would take
    :return: the request, the quote that was countered, the account's code
    :raises AppError: NotFound, AccountUnavailable, NotEntitled, QuoteExpired, QuoteAnswered, QuoteWithdrawn, QuoteSuperseded,
        PriceMismatch, CounterNotBetter
    """
    deal = rfq_queries.get_deal(quote_id, actor=actor)
    quoting.require_may_answer(deal)
    taking.give_back(rfq_id=deal.rfq_id, account_id=deal.account_id, mode=deal.mode, now=now)
    quote, rfq = rfqs.counter(quote_id=quote_id, deal=deal, side=side, price=price, now=now)
    return rfq, quote, rfq.account.code

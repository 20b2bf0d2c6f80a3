"""From where a proof is read: what the last close before it keeps. No Django."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Start:
    """A close that stands; `made_at` is wall time."""

    closing_id: UUID
    date: date
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Carried:
    """One nostro, or one balance with a venue, as a close leaves it: at the end of its date, debits positive, in units of the asset.

    What is of an earlier posting or line than `version` and `sequence` and not among the open ones is the same on both sides, and of that
    date or before: no later proof reads it.

    :param kind: NOSTRO or VENUE
    :param version: of the ledger's account, the last posting that was read
    :param stated: by the statement, or by the venue's word; None where it says nothing
    :param sequence: of the statement, the last line that was read
    :param apart: what the done lines of the statement come to above the done postings: an opening that posts later
    :param open_lines: ids of the ledger's lines that are open, or of a later date
    :param open_statement_lines: the same of the statement
    """

    kind: str
    owner_id: UUID
    asset: str
    ledger: Decimal
    version: int
    stated: Decimal | None
    sequence: int
    apart: Decimal
    open_lines: list[int]
    open_statement_lines: list[UUID]

"""What executions name, looked up once for all that come together: a file of thousands of fills names one LP, one book, a few pairs."""

from collections.abc import Callable, Collection, Hashable
from datetime import date, datetime
from typing import Any, TypeVar, cast
from uuid import UUID

from apps.clients import queries as clients
from apps.clients.models import Counterparty, Terms
from apps.close import queries as days
from apps.instruments import queries as instruments
from apps.instruments.models import Book, Pair
from apps.trades import queries as trades
from apps.trades.models import Trade, TradeVersion
from apps.trades.rules import Figures

T = TypeVar("T")


class Lookups:
    """Of one transaction: what was read stays as it was read. An LP is locked when it is first asked for: nobody else books its hedges."""

    def __init__(self, executions: Collection[tuple[str, str]] = ()) -> None:
        """
        :param executions: code of the LP and execution id of each that will be asked for: their hedges are read together
        """
        self._asked: dict[str, list[str]] = {}
        for code, execution_id in executions:
            self._asked.setdefault(code, []).append(execution_id)
        self._found: dict[Hashable, Any] = {}

    def lp(self, code: str) -> Counterparty:
        """Locked, whatever it is.

        :raises NotFound: there is none
        """
        return self._once(("lp", code), lambda: clients.lock_counterparty(clients.get_client(code).id))

    def book(self, code: str) -> Book | None:
        return self._once(("book", code), lambda: instruments.find_book(code))

    def pair(self, code: str) -> Pair | None:
        pairs = self._once("pairs", lambda: {one.code: one for one in instruments.list_pairs()})
        return pairs.get(code)

    def agreed(self, lp_id: UUID) -> Terms | None:
        return self._once(("agreed", lp_id), lambda: clients.find_terms_of(lp_id))

    def terms(self, lp_id: UUID, entity_id: UUID, now: datetime) -> Terms | None:
        return self._once(("terms", lp_id, entity_id), lambda: clients.find_lp_terms(lp_id, entity_id, now))

    def takes_postings(self, entity_id: UUID, on: date) -> bool:
        """Whether a business date is neither closing nor closed."""

        def ask() -> bool:
            day = days.find_day(entity_id, on)
            return day is None or day.status == "OPEN"

        return self._once(("day", entity_id, on), ask)

    def known(self, lp: Counterparty, execution_id: str) -> tuple[Trade, list[TradeVersion]] | None:
        """A hedge as it was booked before, with its versions, the oldest first."""
        if execution_id not in self._asked.get(lp.code, ()):
            return trades.list_executions(lp.id, [execution_id]).get(execution_id)
        found = self._once(("known", lp.id), lambda: trades.list_executions(lp.id, self._asked[lp.code]))
        return found.get(execution_id)

    def theirs(self, lp_id: UUID, on: date, execution_id: str) -> Figures | None:
        """What the LP's last record of a date says of an execution; None where it says nothing, or none has come."""
        if not self._asked:
            return trades.find_lp_figures(lp_id, on, execution_id)
        return self._once(("record", lp_id, on), lambda: trades.list_lp_figures(lp_id, on)).get(execution_id)

    def _once(self, key: Hashable, ask: Callable[[], T]) -> T:
        if key not in self._found:
            self._found[key] = ask()
        return cast(T, self._found[key])

"""The ledger against a pure oracle: post, repeat, back-date, hold, use, give back, reverse; balances now, as of, as recorded."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from apps.core import db, ids
from apps.core.unit import use_case
from apps.ledger import operations as ledger
from apps.ledger import queries
from apps.ledger.errors import InsufficientBalance
from apps.ledger.rules import Line, Ref, credit, debit
from apps.ledger.states import Kind

pytestmark = pytest.mark.django_db(transaction=True)
HOUSE, TODAY = UUID(int=1), datetime(2026, 9, 15, 12, tzinfo=UTC)
AMOUNTS = st.decimals("0.000000000000000001", "5000", places=18)
CLIENTS, DAYS = st.integers(0, 2), st.integers(0, 5)


@use_case
def post(*, entries: Sequence[tuple[UUID, Sequence[Line], datetime]], now: datetime) -> None:
    for source, lines, at in entries:
        ledger.post(
            key=f"machine:{source}",
            kind="MOVE",
            source_type="test",
            source_id=source,
            lines=lines,
            effective_at=at,
            business_date=TODAY.date(),
        )


@use_case
def reverse(*, source: UUID, now: datetime) -> int:
    return ledger.reverse(source_id=source, kinds=["MOVE"], effective_at=TODAY, business_date=TODAY.date())


@use_case
def hold(*, ref: Ref, amount: D, source: UUID, now: datetime) -> None:
    ledger.hold(ref=ref, amount=amount, source_type="test", source_id=source, now=TODAY)


@use_case
def end(*, source: UUID, used: bool, now: datetime) -> D | None:
    if used:
        return ledger.post_holds(source_id=source, now=TODAY)
    ledger.void_holds(source_id=source, now=TODAY)
    return None


class Books(RuleBasedStateMachine):
    """Three clients and one account of ours; the oracle is a list of what moved when, and what is held."""

    @initialize()
    def begin(self) -> None:
        self.owners = [ids.uuid7() for _ in range(3)]
        self.mine = [Ref(HOUSE, Kind.CLIENT_BALANCE, "USD", owner_id=owner) for owner in self.owners]
        self.nostro = Ref(HOUSE, Kind.NOSTRO, "USD", owner_id=ids.uuid7())
        self.moved: list[tuple[datetime, dict[UUID, D]]] = []  # effective at, amount by account
        self.recorded: list[tuple[datetime, int]] = []  # wall time, how many moves there were
        self.posted: dict[UUID, tuple[list[Line], datetime]] = {}
        self.reversed: set[UUID] = set()
        self.held: dict[UUID, tuple[int, D]] = {}

    def _lines(self, client: int, amount: D, incoming: bool) -> list[Line]:
        one, other = (self.nostro, self.mine[client]) if incoming else (self.mine[client], self.nostro)
        return [debit(one, amount), credit(other, amount)]

    def _note(self, lines: Sequence[Line], at: datetime) -> None:
        total: dict[UUID, D] = defaultdict(D)
        for line in lines:
            total[line.ref.id] += line.amount
        self.moved.append((at, total))

    def _recorded(self) -> None:
        self.recorded.append((db.one("SELECT clock_timestamp()")[0], len(self.moved)))

    @rule(moves=st.lists(st.tuples(CLIENTS, AMOUNTS, st.booleans(), DAYS), min_size=1, max_size=4))
    def post_one_or_many(self, moves: list[tuple[int, D, bool, int]]) -> None:
        entries = []
        for client, amount, incoming, days in moves:
            lines, at, source = self._lines(client, amount, incoming), TODAY - timedelta(days=days), ids.uuid7()
            entries.append((source, lines, at))
            self.posted[source] = (lines, at)
            self._note(lines, at)
        post(entries=entries)
        self._recorded()

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        if self.posted:
            source = data.draw(st.sampled_from(list(self.posted)))
            lines, at = self.posted[source]
            post(entries=[(source, lines, at), (source, lines, at)])

    @rule(data=st.data())
    def reverse_one(self, data: st.DataObject) -> None:
        if not self.posted:
            return
        source = data.draw(st.sampled_from(list(self.posted)))
        assert reverse(source=source) == (0 if source in self.reversed else 1)
        if source not in self.reversed:
            self.reversed.add(source)
            self._note([Line(line.ref, -line.amount) for line in self.posted[source][0]], TODAY)
        self._recorded()

    @rule(client=CLIENTS, amount=AMOUNTS)
    def set_aside(self, client: int, amount: D) -> None:
        source, free = ids.uuid7(), -self._balance(self.mine[client].id) - self._held(client)
        if amount > free:
            with pytest.raises(InsufficientBalance):
                hold(ref=self.mine[client], amount=amount, source=source)
        else:
            hold(ref=self.mine[client], amount=amount, source=source)
            self.held[source] = (client, amount)

    @rule(data=st.data(), used=st.booleans())
    def end_a_hold(self, data: st.DataObject, used: bool) -> None:
        if self.held:
            source = data.draw(st.sampled_from(list(self.held)))
            _, amount = self.held.pop(source)
            assert end(source=source, used=used) in {amount, None}
            assert end(source=source, used=used) in {D(0), None}, "it ends once"

    def _balance(self, account: UUID, *, until: datetime | None = None, first: int | None = None) -> D:
        moves = self.moved if first is None else self.moved[:first]
        return sum((total.get(account, D(0)) for at, total in moves if until is None or at <= until), D(0))

    def _held(self, client: int) -> D:
        return sum((amount for who, amount in self.held.values() if who == client), D(0))

    @invariant()
    def balances_are_those_of_the_oracle(self) -> None:
        if not getattr(self, "moved", None):
            return
        assert queries.get_amount(self.nostro) == self._balance(self.nostro.id)
        now = queries.list_client_balances(self.owners)
        for client, ref in enumerate(self.mine):
            for one in now.get(self.owners[client], []):
                assert (one.posted, one.held) == (-self._balance(ref.id), self._held(client))

    @rule(days=DAYS, data=st.data())
    def ask_for_then(self, days: int, data: st.DataObject) -> None:
        if not self.recorded:
            return
        until = TODAY - timedelta(days=days)
        at, first = data.draw(st.sampled_from(self.recorded))
        for effective, recorded, count in ((until, None, None), (None, at, first), (until, at, first)):
            then = queries.list_client_balances_as_of(self.owners, effective_at=effective, recorded_at=recorded)
            for client, owner in enumerate(self.owners):
                posted = [one.posted for one in then.get(owner, [])] or [D(0)]
                assert posted == [-self._balance(self.mine[client].id, until=effective, first=count)]


def test_the_ledger_is_the_oracle() -> None:
    short = settings().max_examples <= 200
    size = settings(max_examples=12 if short else 300, stateful_step_count=15 if short else 40, derandomize=short, database=None)
    run_state_machine_as_test(Books, settings=size)
    assert db.run("SELECT transaction_id FROM ledger_ledgerline GROUP BY transaction_id, asset_code HAVING sum(amount) <> 0") == []

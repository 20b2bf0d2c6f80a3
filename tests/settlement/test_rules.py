"""Arithmetic of settlement without a database."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal as D
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.settlement.rules import matching, netting
from apps.settlement.rules.bands import NO_BAND, Band, why_bad
from apps.settlement.rules.gate import HARD, Blocker, Code, Facts, TheirLeg, blockers, needed, standing
from apps.settlement.rules.matching import Came, Expected, Part

NOBODY = UUID(int=99)
NOW = datetime(2026, 9, 16, 9, 0, tzinfo=UTC)
OPEN_GATE = Facts(
    now=NOW, today=date(2026, 9, 16), due_date=date(2026, 9, 16), cutoff_at=NOW + timedelta(hours=8), rail_open=True, rail_down=False,
    client_status="APPROVED", needs_ssi=True, ssi_status="ACTIVE", ssi_cooling_until=None, has_address=True, screening_hit=False,
    release_stopped=False, pending_approval=False, agreed=True, their_leg=TheirLeg.DONE, amount=D(100), nostro_available=D(100),
    client_money_owed=D(50), client_money_kept=D(50), touches_client_money=True,
)  # fmt: skip
CLOSED_BY = [
    (Code.FROZEN, {"client_status": "FROZEN"}),
    (Code.CLIENT_SUSPENDED, {"client_status": "SUSPENDED"}),
    (Code.SCREENING, {"screening_hit": True}),
    (Code.SSI_MISSING, {"ssi_status": None}),
    (Code.SSI_MISSING, {"needs_ssi": False, "has_address": False}),
    (Code.SSI_NOT_ACTIVE, {"ssi_status": "SUSPENDED"}),
    (Code.SSI_COOLING, {"ssi_cooling_until": NOW + timedelta(seconds=1)}),
    (Code.CLIENT_MONEY_SHORTFALL, {"client_money_kept": D("49.99")}),
    (Code.RELEASE_STOPPED, {"release_stopped": True}),
    (Code.PENDING_APPROVAL, {"pending_approval": True}),
    (Code.NOT_YET_DUE, {"due_date": date(2026, 9, 17)}),
    (Code.PAST_CUTOFF, {"cutoff_at": NOW}),
    (Code.PAST_CUTOFF, {"rail_open": False}),
    (Code.RAIL_DOWN, {"rail_down": True}),
    (Code.NOT_AGREED, {"agreed": False}),
    (Code.AWAITING_THEIR_LEG, {"their_leg": TheirLeg.OPEN}),
    (Code.THEIR_LEG_PARTIAL, {"their_leg": TheirLeg.PART}),
    (Code.TRAVEL_RULE, {"is_chain": True, "has_beneficiary": False}),
    (Code.TRADE_DISPUTED, {"doubts": frozenset({"TRADE_DISPUTED"})}),
    (Code.UNAFFIRMED, {"doubts": frozenset({"UNAFFIRMED"})}),
    (Code.UNALLOCATED, {"doubts": frozenset({"UNALLOCATED"})}),
    (Code.NO_CREDIT, {"credit": "NO_LINE"}),
    (Code.NO_CREDIT, {"credit": "OVERDRAWN"}),
    (Code.SETTLEMENT_LIMIT, {"credit": "OVER"}),
    (Code.COUNTERPARTY_OVERDUE, {"overdue": 1}),
    (Code.KYC_OVERDUE, {"review_due": date(2026, 9, 15)}),
    (Code.OVER_RAIL_LIMIT, {"largest": D("99.99")}),
    (Code.DUPLICATE_SUSPECTED, {"twin": "FD1"}),
    (Code.EARLIER_ATTEMPT_LIVES, {"undead": "FD1"}),
    (Code.INSUFFICIENT_NOSTRO, {"nostro_available": D("99.99")}),
]


@pytest.mark.parametrize(("code", "fact"), CLOSED_BY)
def test_each_fact_closes_the_gate_with_its_own_code(code: Code, fact: dict[str, object]) -> None:
    assert [b.code for b in blockers(replace(OPEN_GATE, **fact))] == [code]  # type: ignore[arg-type]


def test_every_code_has_a_fact_that_raises_it() -> None:
    assert {code for code, _ in CLOSED_BY} == set(Code)


def test_the_gate_is_open_when_nothing_speaks_against_it() -> None:
    for fact in (
        {},
        {"client_status": "RESTRICTED"},
        {"their_leg": TheirLeg.NOT_AWAITED},
        {"ssi_cooling_until": NOW},
        {"needs_ssi": False, "ssi_status": None},
        {"due_date": date(2026, 9, 10)},
        {"touches_client_money": False, "client_money_kept": D(0)},
    ):
        assert blockers(replace(OPEN_GATE, **fact)) == []  # type: ignore[arg-type]


def test_all_blockers_are_told_at_once() -> None:
    found = blockers(replace(OPEN_GATE, rail_down=True, agreed=False, ssi_status=None))
    assert [b.code for b in found] == [Code.SSI_MISSING, Code.RAIL_DOWN, Code.NOT_AGREED]


@pytest.mark.parametrize("code", list(Code))
def test_soft_blockers_are_overridden_by_name_and_hard_ones_never(code: Code) -> None:
    assert standing([Blocker(code)], frozenset({str(code)})) == ([Blocker(code)] if code in HARD else [])
    assert standing([Blocker(code)], frozenset()) == [Blocker(code)]


def test_a_net_leg_is_the_signed_sum_and_a_zero_one_sets_all_off() -> None:
    legs = netting.net([
        ("BTC", "PAY", D(3)), ("USD", "RECEIVE", D("60003")), ("BTC", "RECEIVE", D(1)), ("USD", "PAY", D("19999")),
        ("EUR", "PAY", D(5)), ("EUR", "RECEIVE", D(5)),
    ])  # fmt: skip
    assert [(leg.asset, leg.direction, leg.amount, leg.set_off) for leg in legs] == [
        ("BTC", "PAY", D(2), D(1)),
        ("EUR", "PAY", D(0), D(5)),
        ("USD", "RECEIVE", D("40004"), D("19999")),
    ]


AMOUNTS = st.decimals(min_value="0.01", max_value="1000000", places=2)


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from(["PAY", "RECEIVE"]), AMOUNTS), max_size=20))
def test_netting_keeps_every_unit(members: list[tuple[str, str, D]]) -> None:
    for leg in netting.net(members):
        signed = sum((a if d == "PAY" else -a for asset, d, a in members if asset == leg.asset), D(0))
        gross = sum((a for asset, _, a in members if asset == leg.asset), D(0))
        assert (leg.amount if leg.direction == "PAY" else -leg.amount) == signed
        assert leg.amount + 2 * leg.set_off == gross


@pytest.mark.parametrize(
    ("booked", "cutoff"),
    [
        ("2026-09-14T12:00", "2026-09-15T15:00"),  # long before: the day before the value date, 16:00 in London
        ("2026-09-15T15:00", "2026-09-15T15:00"),  # at the cut-off is in
        ("2026-09-15T15:00:00.000001", "2026-09-16T15:00"),
        ("2026-09-16T15:01", "2026-09-17T15:00"),
    ],
)
def test_an_obligation_belongs_to_the_first_cut_off_after_it_was_booked(booked: str, cutoff: str) -> None:
    moment = netting.first_cutoff(
        booked_at=datetime.fromisoformat(booked).replace(tzinfo=UTC), value_date=date(2026, 9, 16), at=time(16), zone="Europe/London"
    )
    assert moment == datetime.fromisoformat(cutoff).replace(tzinfo=UTC)


ONE, TWO = (Expected(UUID(int=n), f"FD{n}", D(amount)) for n, amount in ((1, 100), (2, 40)))


@pytest.mark.parametrize(
    ("amount", "remittance", "pays"),
    [
        (100, "", {1: 100}),
        (40, "", {2: 40}),  # exact beats older
        (30, "", {1: 30}),
        (140, "", {1: 100, 2: 40}),
        (120, "", {1: 100, 2: 20}),
        (150, "", {1: 100, 2: 40}),  # 10 are over and stay the client's
        (40, "for FD1", {1: 40}),  # a reference binds
        (60, "FD2", {2: 40}),
    ],
)
def test_what_a_receipt_pays(amount: int, remittance: str, pays: dict[int, int]) -> None:
    parts = matching.allocate([Came(NOBODY, D(amount), remittance)], [ONE, TWO])
    assert [(part.instruction, part.amount) for part in parts] == [(UUID(int=n), D(a)) for n, a in pays.items()]


@given(AMOUNTS, st.lists(AMOUNTS, max_size=6))
def test_a_receipt_never_pays_more_than_it_brought_nor_than_is_due(amount: D, due: list[D]) -> None:
    expected = [Expected(UUID(int=n + 1), f"FD{n}", one) for n, one in enumerate(due)]
    paid = {part.instruction: part.amount for part in matching.allocate([Came(NOBODY, amount)], expected)}
    assert sum(paid.values(), D(0)) == min(amount, sum(due, D(0))) or amount in due
    assert all(0 < paid[one.id] <= one.outstanding for one in expected if one.id in paid)


@given(st.lists(AMOUNTS, min_size=1, max_size=4), st.lists(AMOUNTS, max_size=5), st.randoms(use_true_random=False), AMOUNTS)
def test_whatever_is_applied_and_taken_off_in_whatever_order_money_is_conserved(brought: list[D], due: list[D], luck, tolerance: D) -> None:  # type: ignore[no-untyped-def]
    came = [Came(UUID(int=100 + n), amount) for n, amount in enumerate(brought)]
    owed = {UUID(int=n + 1): amount for n, amount in enumerate(due)}
    applied: dict[UUID, list[Part]] = {}
    for _ in range(12):
        one = luck.choice(came)
        waiting = [Expected(i, f"FD{n}", owed[i] - paid_on(i, applied)) for n, i in enumerate(owed)]
        waiting = [w for w in waiting if w.outstanding]
        if one.id in applied:
            del applied[one.id]
        else:
            options = [matching.allocate([one], waiting, tolerance), *(list(p.parts) for p in matching.propose([one], waiting, tolerance))]
            chosen = luck.choice(options)
            assert matching.why_bad([one], waiting, chosen, tolerance, rest_to_balance=True) == ""
            applied[one.id] = chosen
        assert all(sum((p.amount for p in applied.get(c.id, [])), D(0)) <= c.amount for c in came)
        assert all(paid_on(i, applied) <= owed[i] for i in owed)


@given(AMOUNTS, st.lists(AMOUNTS, min_size=1, max_size=3), AMOUNTS)
def test_what_is_written_off_is_within_the_tolerance_and_less_than_what_came_for_it(due: D, brought: list[D], tolerance: D) -> None:
    came = [Came(UUID(int=100 + n), amount) for n, amount in enumerate(brought)]
    waiting = [Expected(UUID(int=1), "FD1", due)]
    parts = matching.allocate(came, waiting, tolerance)
    paid, off = sum((p.amount for p in parts), D(0)), sum((p.written_off for p in parts), D(0))
    assert off == (due - paid if 0 < due - paid <= tolerance and due - paid < paid else 0)
    assert matching.why_bad(came, waiting, parts, tolerance, rest_to_balance=True) == ""


def test_a_small_payment_is_not_settled_by_a_cent() -> None:
    small, cent = Expected(UUID(int=1), "FD1", D("10")), Came(NOBODY, D("0.01"))
    assert matching.allocate([cent], [small], D(15)) == [Part(NOBODY, small.id, D("0.01"))]
    assert matching.allocate([Came(NOBODY, D("5.01"))], [small], D(15)) == [Part(NOBODY, small.id, D("5.01"), D("4.99"))]
    asked = [Part(NOBODY, small.id, D("0.01"), D("9.99"))]
    assert matching.why_bad([cent], [small], asked, D(15), rest_to_balance=False) == "9.99 is not small beside the 0.01 that pay it"


def paid_on(instruction: UUID, applied: dict[UUID, list[Part]]) -> D:
    return sum((p.amount + p.written_off for parts in applied.values() for p in parts if p.instruction == instruction), D(0))


def test_proposals_are_scored_and_say_why() -> None:
    day = date(2026, 9, 16)
    one, two, far = (Expected(UUID(int=n), f"FD{n}", D(a), day) for n, a in ((1, 100), (2, 50), (3, 7)))
    best, *others = matching.propose([Came(NOBODY, D(100), "pay FD1", day)], [two, one, far])
    assert (best.score, best.parts, best.left) == (100, (Part(NOBODY, one.id, D(100)),), D(0))
    assert best.why == ("the reference names it", "the amount is exact", "it is due about now")
    assert all(other.score < best.score for other in others)
    several = matching.propose([Came(NOBODY, D(150), "", day)], [one, two])[0]
    assert (len(several.parts), several.left, several.why[0]) == (2, D(0), "2 payments make the amount")
    short = matching.propose([Came(NOBODY, D(88))], [one], D(15))[0]
    assert (short.parts[0].written_off, short.why) == (D(12), ("short by 12, within the tolerance",))
    part = matching.propose([Came(NOBODY, D(88))], [one], D(11))[0]
    assert (part.parts[0].written_off, part.why) == (D(0), ("part of what is owed",))
    much = matching.propose([Came(NOBODY, D(101))], [one], D(11))[0]
    assert (much.left, much.why) == (D(1), ("more than is owed: the rest stays the client's",))
    both = matching.propose([Came(NOBODY, D(60)), Came(UUID(int=8), D(40))], [one])[0]
    assert [(p.receipt, p.amount) for p in both.parts] == [(NOBODY, D(60)), (UUID(int=8), D(40))]
    assert matching.propose([Came(NOBODY, D(60))], []) == []


def test_every_blocker_has_a_fact_that_closes_the_gate_and_one_that_answers_for_its_override_or_nobody() -> None:
    assert {code for code, _ in CLOSED_BY} == set(Code)
    assert needed(["NOT_YET_DUE", "PAST_CUTOFF"]) == []
    assert needed(["NOT_YET_DUE", "NO_CREDIT", "KYC_OVERDUE", "SETTLEMENT_LIMIT"]) == ["compliance", "risk"]
    assert {
        "FROZEN", "SCREENING", "TRAVEL_RULE", "SSI_MISSING", "SSI_NOT_ACTIVE", "SSI_COOLING", "CLIENT_MONEY_SHORTFALL", "RELEASE_STOPPED",
        "PENDING_APPROVAL",
    } == HARD  # fmt: skip


def test_a_payment_cut_in_pieces_is_still_one_for_its_band() -> None:
    band = Band(straight_through=D(100), two_checkers=D(1000))
    assert band.goes_by_itself(D(100), gone=D(0))
    assert not band.goes_by_itself(D(50), gone=D("50.01"))
    assert not band.needs_two(D(1000), gone=D(0))
    assert band.needs_two(D(500), gone=D("500.01"))
    assert not NO_BAND.goes_by_itself(D("0.01"), gone=D(0))
    assert not NO_BAND.needs_two(D(10**12), gone=D(0))


@pytest.mark.parametrize(
    ("band", "names"),
    [
        (Band(D(-1)), "straight_through"),
        (Band(D("0.001")), "straight_through"),
        (Band(D("NaN")), "straight_through"),
        (Band(D(100), D(99)), "two_checkers"),
        (Band(largest=D(0)), "largest"),
    ],
)
def test_a_band_that_makes_no_sense_says_where(band: Band, names: str) -> None:
    assert why_bad(band, 2).startswith(names)
    assert why_bad(Band(D("99.99"), D(100), D(1)), 2) == ""

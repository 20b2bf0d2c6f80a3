"""What staff set for a pair: read field by field, alone within a bound, with risk past it, and history that the database demands."""

import dataclasses
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from apps.approvals.errors import ApprovalOpen, SameHands
from apps.core import clock, db
from apps.core.actor import Actor, acting
from apps.core.errors import NotFound
from apps.pricing import operations, queries, rules
from apps.pricing.errors import PolicyChanged, PolicyInvalid, PolicyUnchanged
from apps.pricing.models import PairPolicy
from apps.users.errors import RoleMissing
from apps.workflows.decide_approval import decide_approval
from apps.workflows.set_policy import PolicyReasonMissing, set_policy, set_venue_fee
from tests import world
from tests.together import together

D = Decimal
TERMS = rules.read_terms(
    {
        "spread_bps": "2", "size_tiers": "5:1, 25:3", "tier_bps": "gold:0.5, basic:-1", "volatility_share": "0.25", "skew_cap_bps": "3",
        "skew_full_at": "100", "minimum_earn": "5", "max_price_age_ms": "5000", "source_max_age_ms": "5000", "max_deviation_bps": "50",
        "max_jump_bps": "1000", "min_depth": "1", "auto_max_quantity": "100", "auto_max_age_ms": "4000", "auto_max_sigma": "2",
        "auto_max_spread_bps": "20", "auto_min_sources": "2", "sure_bps": "100", "refuse_bps": "500",
        "through_bps": "1", "legs": "",
    }
)  # fmt: skip


def with_(**changed):
    return dataclasses.replace(TERMS, **changed)


# --- rules ---------------------------------------------------------------------------------------------------------------


def test_terms_are_written_as_they_are_read():
    assert rules.read_terms(rules.write_terms(TERMS)) == TERMS


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("spread_bps", "abc"), ("spread_bps", "-1"), ("spread_bps", "1e3"), ("spread_bps", "NaN"), ("spread_bps", ""),
        ("spread_bps", "1001"),
        ("size_tiers", "5"), ("size_tiers", "5:1, 4:2"), ("size_tiers", "5:3, 25:1"), ("size_tiers", "5:2000"), ("size_tiers", "5:x"),
        ("tier_bps", "gold:1, gold:2"), ("tier_bps", "Gold:1"), ("tier_bps", "gold:1001"), ("tier_bps", "gold:inf"), ("legs", "BTC-USD"),
        ("legs", "BTC-USD, BTC-USD"), ("legs", "a, b"), ("max_price_age_ms", "0"), ("max_price_age_ms", "1.5"), ("auto_min_sources", "0"),
        ("auto_max_age_ms", "5001"), ("skew_full_at", "0"), ("max_deviation_bps", "0"), ("max_jump_bps", "9001"), ("sure_bps", "501"),
        ("through_bps", "101"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_refused_by_its_name(field, text):
    with pytest.raises(PolicyInvalid) as no:
        rules.read_terms(rules.write_terms(TERMS) | {field: text})
    assert list(no.value.extra["fields"]) == [field]
    assert no.value.extra["pointer"] == f"/{field}"


def test_every_wrong_or_missing_field_is_named_at_once():
    with pytest.raises(PolicyInvalid) as no:
        rules.read_terms({})
    assert set(no.value.extra["fields"]) == set(rules.write_terms(TERMS)) - {"size_tiers", "tier_bps", "legs"}


@pytest.mark.parametrize(
    ("changed", "checked"),
    [
        ({"spread_bps": D(4)}, ()),
        ({"spread_bps": D(0)}, ()),
        ({"spread_bps": D("4.01")}, ("spread_bps",)),
        ({"skew_cap_bps": D("5.5")}, ("skew_cap_bps",)),
        ({"tier_bps": (("basic", D(-1)), ("gold", D("2.6")))}, ("tier_bps",)),
        ({"tier_bps": (("gold", D("0.5")),)}, ()),
        ({"size_tiers": ((D(5), D(2)), (D(25), D(5)))}, ()),
        ({"size_tiers": ((D(5), D(1)), (D(25), D("5.5")))}, ("size_tiers",)),
        ({"size_tiers": ((D(100), D(1)),)}, ("size_tiers",)),
        ({"minimum_earn": D(6)}, ()),
        ({"minimum_earn": D("4.9")}, ("minimum_earn",)),
        ({"auto_max_quantity": D(99)}, ()),
        ({"auto_max_quantity": D(101)}, ("auto_max_quantity",)),
        ({"auto_max_sigma": D(0)}, ("auto_max_sigma",)),
        ({"auto_max_sigma": D(1)}, ()),
        ({"auto_min_sources": 1}, ("auto_min_sources",)),
        ({"min_depth": D("0.5")}, ("min_depth",)),
        ({"max_price_age_ms": 4500}, ()),
        ({"max_jump_bps": D(0)}, ("max_jump_bps",)),
        ({"legs": ("BTC-USD", "EUR-USD")}, ("legs",)),
    ],
)
def test_what_one_person_may_set_alone(changed, checked):
    assert rules.why_checked(TERMS, with_(**changed)) == checked


@given(st.integers(0, 400), st.integers(0, 400))
def test_a_spread_is_free_exactly_within_the_bound_of_what_was_agreed(agreed, asked):
    old, new = (with_(spread_bps=D(n) / 100) for n in (agreed, asked))
    assert bool(rules.why_checked(old, new)) == (abs(D(agreed - asked)) / 100 > rules.FREE_MOVE_BPS)


# --- the story ----------------------------------------------------------------------------------------------------------


def staff(name, *roles):
    return Actor(kind="STAFF", id=uuid4(), name=name, client_id=None, roles=frozenset(roles))


TARA, RITA, RON, OLGA = staff("Tara", "trader"), staff("Rita", "risk"), staff("Ron", "risk"), staff("Olga", "operations")


def ask(actor=TARA, pair="BTC-USD", *, version=None, reason="busier market", **changed):
    policy = queries.get_policy(pair)
    terms = dataclasses.replace(queries.terms_of(policy), **changed)
    with acting(actor):
        return set_policy(actor=actor, pair_code=pair, terms=terms, expected_version=version or policy.version, reason=reason)


def history(pair="BTC-USD"):
    return [(v.version, v.changed_by_name, v.approved_by_name, v.terms["spread_bps"]) for v in reversed(queries.list_policy_versions(pair))]


@pytest.mark.django_db(transaction=True)
def test_a_small_change_takes_effect_by_one_person_and_history_keeps_it():
    policy, asked = ask(spread_bps=D("3.5"))
    assert asked is None
    assert (policy.version, PairPolicy.objects.get(pair_code="BTC-USD").spread_bps) == (2, D("3.5"))
    assert history() == [(1, "", "", D(2)), (2, "Tara", "", D("3.5"))]
    (house,) = db.one("SELECT house FROM events_event WHERE kind = 'policy.changed'")
    assert db.loads(house)["changed"] == {"spread_bps": ["2", "3.5"]}


@pytest.mark.django_db(transaction=True)
def test_small_steps_do_not_add_up_to_a_large_one():
    ask(spread_bps=D(4))
    policy, asked = ask(spread_bps=D(6))
    assert asked is not None
    assert policy.spread_bps == D(4)


@pytest.mark.django_db(transaction=True)
def test_a_large_change_waits_for_risk_and_is_in_force_once_agreed():
    _, asked = ask(spread_bps=D(9), auto_max_quantity=D(200))
    assert PairPolicy.objects.get(pair_code="BTC-USD").version == 1
    assert asked.checker_roles == ["risk"]
    assert (asked.before["spread_bps"], asked.payload["spread_bps"]) == ("2", "9")
    with acting(RITA):
        done = decide_approval(approval_id=asked.id, actor=RITA, approve=True)
    assert done.status == "EXECUTED"
    policy = PairPolicy.objects.get(pair_code="BTC-USD")
    assert (policy.version, policy.spread_bps, policy.auto_max_quantity) == (2, D(9), D(200))
    assert history()[-1] == (2, "Tara", "Rita", D(9))
    assert ask(spread_bps=D(10))[1] is None  # from what two agreed on, one may go on a little


@pytest.mark.django_db(transaction=True)
def test_an_approval_agrees_only_on_what_it_changes():
    ask(spread_bps=D(4))
    _, asked = ask(auto_max_quantity=D(200))
    with acting(RITA):
        decide_approval(approval_id=asked.id, actor=RITA, approve=True)
    assert queries.find_agreed_terms("BTC-USD").spread_bps == D(2)
    assert ask(spread_bps=D(5))[1] is not None


@pytest.mark.django_db(transaction=True)
def test_a_request_is_stale_when_the_policy_has_changed_meanwhile():
    _, asked = ask(spread_bps=D(9))
    ask(minimum_earn=D(6))
    with acting(RITA):
        assert decide_approval(approval_id=asked.id, actor=RITA, approve=True).status == "STALE"
    assert PairPolicy.objects.get(pair_code="BTC-USD").spread_bps == D(2)


@pytest.mark.django_db(transaction=True)
def test_who_may_not_and_what_may_not():
    for actor in (RITA, OLGA):
        with pytest.raises(RoleMissing):
            ask(actor, spread_bps=D(3))
    with pytest.raises(PolicyReasonMissing):
        ask(reason="", spread_bps=D(3))
    with pytest.raises(PolicyUnchanged):
        ask()
    with pytest.raises(PolicyChanged):
        ask(version=7, spread_bps=D(3))
    with pytest.raises(NotFound):
        set_policy(actor=TARA, pair_code="X-Y", terms=TERMS, expected_version=1, reason="x")
    _, asked = ask(spread_bps=D(9))
    with pytest.raises(ApprovalOpen):
        ask(spread_bps=D(10))
    both = dataclasses.replace(TARA, roles=frozenset({"trader", "risk"}))
    with acting(both), pytest.raises(SameHands):
        decide_approval(approval_id=asked.id, actor=both, approve=True)
    assert history() == [(1, "", "", D(2))]


@pytest.mark.django_db(transaction=True)
def test_two_at_once_make_one_version_and_one_refusal():
    done = together(2, lambda n: ask(version=1, spread_bps=D(3) + D(n) / 2))
    assert sorted(type(one).__name__ for one in done) == ["PolicyChanged", "tuple"]
    assert [version for version, *_ in history()] == [1, 2]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE pricing_pairpolicy SET spread_bps = 0 WHERE pair_code = 'BTC-USD'",
        "UPDATE pricing_pairpolicy SET spread_bps = 0, version = 2 WHERE pair_code = 'BTC-USD'",
        "UPDATE pricing_pairpolicy SET version = 2 WHERE pair_code = 'BTC-USD'",
        'INSERT INTO pricing_pairpolicy SELECT (jsonb_populate_record(p, \'{"pair_code": "X-Y"}\')).* FROM pricing_pairpolicy p LIMIT 1',
        "UPDATE pricing_pairpolicyversion SET changed_by_name = 'nobody'",
        "DELETE FROM pricing_pairpolicyversion",
        "DELETE FROM pricing_pairpolicy",
        "UPDATE pricing_venue SET taker_bps = -1",
    ],
)
def test_the_database_refuses_a_policy_without_its_version(sql):
    with pytest.raises(DatabaseError), transaction.atomic():
        db.run(sql)
    assert history() == [(1, "", "", D(2))]


@pytest.mark.django_db(transaction=True)
def test_a_version_that_says_something_else_does_not_do():
    with pytest.raises(IntegrityError), transaction.atomic():
        policy = queries.get_policy("BTC-USD")
        policy.version, policy.spread_bps = 2, D(3)
        operations._keep_version(policy, reason="x", maker=None, approval_id=None, checker="", now=clock.wall_now())
        db.run("UPDATE pricing_pairpolicy SET version = 2, spread_bps = 0 WHERE pair_code = 'BTC-USD'")
    assert history() == [(1, "", "", D(2))]


@pytest.mark.django_db(transaction=True)
def test_venue_fees_are_set_and_recorded():
    with acting(TARA):
        set_venue_fee(actor=TARA, code="kraken", taker_bps=D("8"))
        with pytest.raises(PolicyInvalid):
            set_venue_fee(actor=TARA, code="kraken", taker_bps=D("1000"))
    with pytest.raises(RoleMissing):
        set_venue_fee(actor=RITA, code="kraken", taker_bps=D(0))
    assert queries.get_recipe().fees_bps["kraken"] == D(8)
    assert db.one("SELECT count(*) FROM events_event WHERE kind = 'venue.fee_changed'") == (1,)


@pytest.mark.django_db(transaction=True)
def test_the_recipe_follows_policies():
    recipe = queries.get_recipe()
    assert recipe.crosses == {"BTC-EUR": ("BTC-USD", "EUR-USD")}
    assert recipe.health["BTC-USD"].max_jump_bps == D(1000)


# --- bounds of automatic quotes ---------------------------------------------------------------------------------------------

BOUNDS = rules.AutoBounds(max_quantity=D(10), max_sigma=D("0.6"), max_spread_bps=D(2), min_sources=1)


def test_every_reason_for_the_desk_is_told_at_once():
    depth = dataclasses.replace(world.depth(half_spread="10"), sigma=None)
    late = world.later(world.NOON, seconds=4, milliseconds=1)
    bounds = dataclasses.replace(BOUNDS, min_sources=2)
    assert rules.reasons_for_desk(depth, late, bounds, quantity=D(11)) == ["SIZE", "PRICE_AGE", "VOLATILITY", "WIDE_SPREAD", "FEW_SOURCES"]


def test_within_the_bounds_there_is_no_reason():
    at_the_edge = world.later(world.NOON, seconds=4)
    assert rules.reasons_for_desk(world.depth(), at_the_edge, BOUNDS, quantity=D(10)) == []
    off = rules.AutoBounds(max_quantity=D(10))
    assert rules.reasons_for_desk(dataclasses.replace(world.depth(half_spread="1000"), sigma=None), world.NOON, off, quantity=D(1)) == []


def test_a_cross_has_as_many_sources_as_its_thinner_leg():
    usd = dataclasses.replace(world.depth(), sources=(*world.depth().sources, rules.Source("beta", "BTC-USD", world.NOON, 0, D(20000))))
    cross = rules.cross("BTC-EUR", usd, world.depth("EUR-USD", mid="1.1", half_spread="0.0001"))
    assert rules.fewest_sources(usd) == 2
    assert rules.fewest_sources(cross) == 1


@pytest.mark.parametrize(
    ("side", "position", "quantity", "past"),
    [
        ("buy", 0, 10, False), ("buy", 0, 11, True), ("sell", 0, 11, True), ("sell", 4, 6, False), ("sell", 4, 7, True),
        ("sell", -20, 5, False), ("sell", -20, 40, False), ("sell", -20, 41, True), ("buy", -20, 1, True), ("buy", 20, 5, False),
    ],
)  # fmt: skip
def test_past_the_hard_limit_only_what_reduces_risk_is_free(side, position, quantity, past):
    assert rules.is_past_limit(rules.Side(side), position=D(position), quantity=D(quantity), hard=D(10)) is past

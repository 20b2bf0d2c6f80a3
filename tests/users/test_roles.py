"""Roles that must not meet in one person are refused when they are granted, by raw SQL too."""

import itertools

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError

from apps.core import db
from apps.core.errors import NotFound
from apps.users import queries, rules
from apps.users.errors import RolesApart
from apps.users.models import User
from apps.users.operations import create_staff
from apps.workflows.manage_staff import register_staff
from tests.people import staff

pytestmark = pytest.mark.django_db(transaction=True)
FRONT = {"sales", "trader"}
BACK = {"operations", "finance", "risk", "compliance"}


def apart(one: str, other: str) -> bool:
    """domain.md, Who: front never with back or admin; admin with nobody but an auditor's eyes."""
    pair = {one, other}
    return bool(pair & FRONT and pair & (BACK | {"admin"})) or ("admin" in pair and bool(pair & (FRONT | BACK)))


PAIRS = list(itertools.combinations(rules.ROLES, 2))


@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_every_pair_of_roles_is_granted_or_refused(pair: tuple[str, str]) -> None:
    if apart(*pair):
        with pytest.raises(RolesApart):
            staff("pat", *pair)
        assert User.objects.get(username="pat").roles == frozenset()
    else:
        assert staff("pat", *pair).roles == set(pair)


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if apart(*pair)], ids="+".join)
def test_raw_sql_cannot_grant_them_either(pair: tuple[str, str]) -> None:
    for first, second in (pair, reversed(pair)):
        who = staff(f"pat-{first}", first)
        group = Group.objects.get(name=second)
        with pytest.raises(IntegrityError) as no:
            db.run("INSERT INTO users_user_groups (user_id, group_id) VALUES (%s, %s)", (who.id, group.id))
        assert no.value.__cause__.diag.constraint_name == "users_roles_apart"  # type: ignore[union-attr]
        assert queries.get_by_username(f"pat-{first}").roles == {first}


def test_a_group_row_cannot_be_changed_into_a_forbidden_pair() -> None:
    who = staff("pat", "operations", "risk")
    with pytest.raises(IntegrityError):
        db.run(
            "UPDATE users_user_groups SET group_id = (SELECT id FROM auth_group WHERE name = 'trader') "
            "WHERE user_id = %s AND group_id = (SELECT id FROM auth_group WHERE name = 'risk')",
            (who.id,),
        )
    assert queries.get_by_username("pat").roles == {"operations", "risk"}


def test_a_refused_change_of_roles_keeps_the_old_ones() -> None:
    staff("pat", "operations")
    with pytest.raises(RolesApart):
        staff("pat", "operations", "trader")
    assert queries.get_by_username("pat").roles == {"operations"}
    assert staff("pat", "trader").roles == {"trader"}, "one set of roles may be exchanged for another"


def test_a_superuser_is_bound_by_the_same_rule() -> None:
    with pytest.raises(RolesApart):
        staff("root", "admin", "risk", superuser=True)


def test_every_role_has_its_group_and_every_act_names_known_roles() -> None:
    assert set(Group.objects.values_list("name", flat=True)) >= set(rules.ROLES)
    for act, (makers, checkers) in rules.ACTS.items():
        assert makers | checkers <= set(rules.ROLES), act
        assert all(rules.may_make(frozenset({role}), act) for role in makers)
        assert all(rules.may_check(frozenset({role}), act) for role in checkers)
        assert not rules.may_make(frozenset({"auditor"}), act)
        assert not rules.may_check(frozenset({"auditor"}), act)


def test_registering_staff_is_a_fact_with_its_event_and_without_its_password() -> None:
    made = register_staff(username="pat", name="Pat Miller", roles=["risk"], password="correct horse battery")
    assert made.check_password("correct horse battery")
    [(kind, house)] = db.run("SELECT kind, house::text FROM events_event")
    assert kind == "staff.registered"
    assert "horse" not in house
    assert made.password not in house


def test_staff_without_a_password_cannot_sign_in() -> None:
    made = create_staff(username="pat", name="Pat", roles=["risk"], password=None)
    assert not made.has_usable_password()


def test_who_left_is_not_found_any_more() -> None:
    staff("pat", "risk")
    User.objects.filter(username="pat").update(is_active=False)
    with pytest.raises(NotFound):
        queries.get_by_username("pat")
    assert queries.list_addresses(["risk"]) == []


def test_addresses_are_those_of_a_role_without_the_maker() -> None:
    rita, ron = staff("rita", "risk"), staff("ron", "risk", "finance")
    staff("tara", "trader")
    assert queries.list_addresses(["risk", "finance"]) == ["rita@flowdesk.example", "ron@flowdesk.example"]
    assert queries.list_addresses(["risk"], but=rita.id) == ["ron@flowdesk.example"]
    assert ron.roles == {"risk", "finance"}

"""Statements that nobody waits for travel together, in order, and a refusal among them undoes the effect alone."""

from datetime import datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection

from apps.clients.models import Group
from apps.core import db, flights, ids
from apps.core.errors import Conflict
from apps.core.unit import use_case

pytestmark = pytest.mark.django_db(transaction=True)
TAKEN = Conflict("taken")


def add(name: str, **more: Any) -> None:
    db.send("INSERT INTO clients_group (id, name) VALUES (%s, %s)", (ids.uuid7(), name), **more)


def names() -> list[str]:
    return sorted(row[0] for row in db.run("SELECT name FROM clients_group"))


class Told:
    """A receipt that keeps what it was told in the table of groups."""

    answer = ""

    def begin(self) -> datetime:
        return db.one("SELECT desk_now()")[0]  # type: ignore[no-any-return]

    def stored(self) -> None:
        return None

    def store(self, result: Any) -> Any:
        add(f"stored {result}")
        return result

    def refuse(self, no: Any) -> None:
        add("refused")

    def store_refusal(self, no: Any) -> Any:
        add("refusal stored")
        return no


@use_case
def add_all(*, now: datetime, given: list[str], refuse: bool = False) -> str:
    for name in given:
        add(name, refuse={"clients_group_name_key": TAKEN} if refuse else None)
    return "done"


def test_what_nobody_waits_for_goes_out_with_the_commit_in_one_flight() -> None:
    connection.ensure_connection()
    before = flights.flights
    add_all(given=["a", "b", "c"])
    assert flights.flights == before + 2  # the received instant with BEGIN; the three rows with COMMIT
    assert names() == ["a", "b", "c"]


def test_statements_keep_their_order_among_those_of_the_orm() -> None:
    @use_case
    def mixed(*, now: datetime) -> list[str]:
        add("first")
        seen = [g.name for g in Group.objects.all()]
        Group(name="second").save(force_insert=True)
        add("third")
        return seen + [row[0] for row in db.run("SELECT name FROM clients_group ORDER BY ctid")]

    assert mixed() == ["first", "first", "second", "third"]


def test_breach_found_with_the_commit_rolls_all_back() -> None:
    add_all(given=["a"])
    with pytest.raises(IntegrityError):
        add_all(given=["b", "a", "c"])
    assert names() == ["a"]
    add_all(given=["d"])  # the connection is as good as new
    assert names() == ["a", "d"]


def test_refusal_found_with_the_commit_undoes_the_effect_and_keeps_the_receipt() -> None:
    add_all(given=["a"])
    assert add_all(once=Told(), given=["b", "a", "c"], refuse=True) is TAKEN
    assert names() == ["a", "refusal stored", "refused"]
    assert add_all(once=Told(), given=["e"], refuse=True) == "done"
    assert names() == ["a", "e", "refusal stored", "refused", "stored done"]


def test_refusal_before_anything_was_sent_keeps_the_receipt() -> None:
    @use_case
    def refused(*, now: datetime) -> None:
        add("never")
        raise TAKEN

    assert refused(once=Told()) is TAKEN
    assert names() == ["refusal stored", "refused"]


def test_hooks_of_an_undone_effect_are_forgotten() -> None:
    from django.db import transaction

    told: list[str] = []

    @use_case
    def hooked(*, now: datetime, fail: bool) -> str:
        transaction.on_commit(lambda: told.append("committed"))
        db.run("SELECT 1")
        if fail:
            raise TAKEN
        return "done"

    hooked(once=Told(), fail=True)
    assert told == []
    hooked(once=Told(), fail=False)
    assert told == ["committed"]


def test_statements_are_planned_once_a_connection() -> None:
    add_all(given=["a"])
    add_all(given=["b"])
    [(count,)] = db.run("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'INSERT INTO clients_group%'")
    assert count == 1


READ = flights.Statement("SELECT count(*) FROM clients_group", ())


def count() -> int:
    return int(flights.fly([READ])[0][0][0])


def test_what_is_read_first_travels_with_the_instant_and_is_found_once() -> None:
    @use_case(ahead=lambda **_: [READ])
    def body(*, now: datetime) -> tuple[int, int]:
        return count(), count()

    connection.ensure_connection()
    before = flights.flights
    assert body() == (0, 0)
    assert flights.flights == before + 3  # the instant with the read; the second read; COMMIT


def test_what_was_read_ahead_is_forgotten_as_soon_as_anything_else_is_sent() -> None:
    @use_case(ahead=lambda **_: [READ])
    def written(*, now: datetime) -> int:
        add("a")
        return count()

    @use_case(ahead=lambda **_: [READ])
    def written_and_sent(*, now: datetime) -> int:
        Group(id=ids.uuid7(), name="b").save(force_insert=True)
        return count()

    assert (written(), written_and_sent()) == (1, 2)

"""A machine allows its table and nothing else."""

from dataclasses import dataclass
from enum import StrEnum

import pytest

from apps.core.errors import IllegalMove
from apps.core.states import Machine
from tests.machines import TABLES


@dataclass
class Thing:
    status: str


@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_pair_of_states_is_allowed_or_refused_as_the_table_says(table: str) -> None:
    machine = TABLES[table]
    for old, then in machine.moves.items():
        for new in machine.moves:
            thing = Thing(str(old))
            if new in then:
                machine.move(thing, new)
                assert thing.status == new
            else:
                with pytest.raises(IllegalMove) as no:
                    machine.move(thing, new)
                assert thing.status == old, "a refused move changes nothing"
                assert no.value.extra["state"] == str(old)


@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_state_can_be_reached_and_the_enum_has_no_other(table: str) -> None:
    machine = TABLES[table]
    reached, todo = set(machine.first), list(machine.first)
    while todo:
        for new in machine.moves[todo.pop()] - reached:
            reached.add(new)
            todo.append(new)
    assert reached == set(machine.moves) == set(type(next(iter(machine.moves))))


def test_an_unknown_state_moves_nowhere() -> None:
    for machine in TABLES.values():
        for new in machine.moves:
            assert not machine.allows("NOWHERE", new)
            assert not machine.allows(str(new), "NOWHERE")


def test_a_table_with_a_state_that_has_no_row_is_refused() -> None:
    class Light(StrEnum):
        RED = "RED"
        GREEN = "GREEN"

    with pytest.raises(AssertionError, match="without a row"):
        Machine({Light.RED: {Light.GREEN}})

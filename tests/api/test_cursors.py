"""A cursor opens only the list it was made for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.api import cursors

POSITION: cursors.Position = ["2026-11-22T12:00:00.000001Z", "0192f3c4-0000-7000-8000-000000000001"]
FILTERS = {"status": "OPEN", "pair": "BTC-USD"}


def test_a_cursor_gives_back_its_position() -> None:
    cursor = cursors.encode(POSITION, client_id="acme", filters=FILTERS)
    assert cursors.decode(cursor, client_id="acme", filters=dict(reversed(FILTERS.items()))) == POSITION


@pytest.mark.parametrize(("client", "filters"), [("mallory", FILTERS), ("acme", {}), ("acme", FILTERS | {"status": "DONE"})])
def test_a_cursor_is_refused_for_another_client_or_other_filters(client: str, filters: dict[str, str]) -> None:
    cursor = cursors.encode(POSITION, client_id="acme", filters=FILTERS)
    with pytest.raises(cursors.InvalidCursor) as refused:
        cursors.decode(cursor, client_id=client, filters=filters)
    assert refused.value.code == "invalid_cursor"


@given(st.text(max_size=80))
def test_no_invented_cursor_is_accepted(text: str) -> None:
    with pytest.raises(cursors.InvalidCursor):
        cursors.decode(text, client_id="acme", filters={})


def test_a_cursor_with_one_changed_character_is_refused() -> None:
    cursor = cursors.encode(POSITION, client_id="acme", filters={})
    for at in range(0, len(cursor) - 1, 7):
        changed = cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
        with pytest.raises(cursors.InvalidCursor):
            cursors.decode(changed, client_id="acme", filters={})


def test_a_cursor_without_end_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(cursors.InvalidCursor):
        cursors.decode("A" * 100_000, client_id="acme", filters={})

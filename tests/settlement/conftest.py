"""After every test that touched the database, `verify` proves it: what a scenario leaves behind keeps all promises."""

from collections.abc import Iterator

import pytest

from apps.core import db
from apps.reports.queries import proofs


@pytest.fixture(autouse=True)
def _everything_is_proven(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.node.get_closest_marker("django_db") is None:
        yield
        return
    request.getfixturevalue("transactional_db")
    yield
    with db.snapshot():
        broken = [(one.name, one.details) for one in proofs.run() if not one.ok]
    assert broken == []

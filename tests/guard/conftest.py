"""One house for all that knocks at its doors; each test looks for what was done by those who may not."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from tests import engines
from tests import web as webs
from tests.guard import house as houses
from tests.guard import office as offices


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[houses.House]:
    """Built once a file: nothing that is refused may change it, and that is what is looked at."""
    with django_db_blocker.unblock(), houses.unlimited(settings):
        engines.flush_database()
        yield houses.build()
        engines.flush_database()


@pytest.fixture(scope="module")
def served(house: houses.House) -> Iterator[webs.Web]:
    """A web process of its own for a file, without limits that so many requests from one address would meet."""
    web = webs.start_web(RATE_REQUESTS=houses.NO_LIMIT, RATE_RFQS=houses.NO_LIMIT, RATE_BAD_SIGNATURES=houses.NO_LIMIT)
    yield web
    webs.kill(web)


@pytest.fixture
def open_house(house: houses.House) -> houses.House:
    """The house, with prices on a bus that the test before this one left empty."""
    houses.publish_prices()
    return house


@pytest.fixture(autouse=True)
def _no_lines_for_each_refusal() -> Iterator[None]:
    """Django logs each 4xx; thousands of them would hide what a failing test has to say."""
    logger = logging.getLogger("django.request")
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(logging.NOTSET)


@pytest.fixture(scope="module")
def staffed(django_db_setup: None, django_db_blocker: Any) -> Iterator[offices.Office]:
    """A desk in the middle of its day, with one person of each role, for a whole file."""
    with django_db_blocker.unblock():
        engines.flush_database()
        yield offices.build()
        engines.flush_database()


@pytest.fixture
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether every cell is looked at: in the short set pages that open to a role are left to tests/desk, which renders each of them."""
    return bool(request.config.getoption("--drill"))

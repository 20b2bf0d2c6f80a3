"""One web process for all tests of this folder, with prices on the bus."""

from collections.abc import Iterator

import pytest

from tests import web as webs


@pytest.fixture(scope="session")
def shared_web(django_db_setup: None) -> Iterator[webs.Web]:
    web = webs.start_web()
    yield web
    webs.kill(web)


@pytest.fixture
def web(shared_web: webs.Web, transactional_db: None) -> webs.Web:
    return shared_web

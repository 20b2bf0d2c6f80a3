"""Which set runs, and how hard hypothesis looks: `make test` the short set, `make drill` everything."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from hypothesis import HealthCheck, settings

from tests.engines import django_db_setup  # noqa: F401 (here, so that it comes after pytest-django's own)

_ANY_SPEED = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
settings.register_profile(  # the same examples each time: what `make drill` finds becomes a test, and no release waits for luck
    "short", max_examples=200, stateful_step_count=20, deadline=None, derandomize=True, suppress_health_check=_ANY_SPEED
)
settings.register_profile(
    "drill", max_examples=2000, stateful_step_count=50, deadline=None, print_blob=True, suppress_health_check=_ANY_SPEED
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--drill", action="store_true", help="run the long set too: tests marked drill, and 2,000 examples of each property")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("drill" if config.getoption("--drill") else "short")
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # hundreds of logins, none of them a secret
    django_settings.SIM_RAILS["joined"] = False  # a test says itself what comes
    django_settings.WHITENOISE_AUTOREFRESH = True  # or each test client would read all static files anew


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--drill"):
        return
    for item in items:
        if "drill" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="the long set: make drill"))


@pytest.fixture(scope="session", autouse=True)
def _databases_at_the_start(request: pytest.FixtureRequest) -> None:
    """Where several work side by side each makes its database before any test: its migrations would hold back what the others'
    readers of events wait for, who see no further than the oldest transaction of the cluster.
    """
    if os.environ.get("PYTEST_XDIST_WORKER"):
        request.getfixturevalue("django_db_setup")


@pytest.fixture(autouse=True)
def _fresh_ledger() -> None:
    """The ledger remembers which accounts exist; the test before this one had its tables emptied."""
    from apps.ledger import operations

    operations.forget_accounts()


@pytest.fixture
def impatient(settings: Any) -> Iterator[None]:
    """Valkey is soon given up."""
    from apps.core import valkey

    settings.VALKEY_TIMEOUT_MS = 500
    valkey._pool.cache_clear()
    yield
    valkey._pool.cache_clear()


@pytest.fixture(autouse=True)
def _whole_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick waits for the lines of work that it began, however busy the machine is."""
    from apps.jobs import lines

    monkeypatch.setattr(lines, "PATIENCE_S", 60.0)

"""Which set runs, and how hard hypothesis looks: `make test` the short set, `make drill` everything."""

import pytest
from django.conf import settings as django_settings
from hypothesis import HealthCheck, settings

from tests.engines import django_db_setup  # noqa: F401 (here, so that it comes after pytest-django's own)

_ANY_SPEED = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
settings.register_profile(
    "short", max_examples=200, stateful_step_count=20, deadline=None, print_blob=True, suppress_health_check=_ANY_SPEED
)
settings.register_profile(
    "drill", max_examples=2000, stateful_step_count=50, deadline=None, print_blob=True, suppress_health_check=_ANY_SPEED
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--drill", action="store_true", help="run the long set too: tests marked drill, and 2,000 examples of each property")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("drill" if config.getoption("--drill") else "short")
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # hundreds of logins, none of them a secret
    django_settings.WHITENOISE_AUTOREFRESH = True  # or each test client would read all static files anew


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--drill"):
        return
    for item in items:
        if "drill" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="the long set: make drill"))


@pytest.fixture(autouse=True)
def _fresh_ledger() -> None:
    """The ledger remembers which accounts exist; the test before this one had its tables emptied."""
    from apps.ledger import operations

    operations.forget_accounts()

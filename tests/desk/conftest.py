from collections import defaultdict
from typing import Any

import pytest
from django.test import Client

from apps.users.models import User
from tests.desk.day import Day, make_day, make_staff


@pytest.fixture(autouse=True)
def _quick_hashes(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def staff(transactional_db: None) -> dict[str, User]:
    return make_staff()


@pytest.fixture
def day(staff: dict[str, User]) -> Day:
    return make_day(staff, deals=8)


@pytest.fixture
def enter(staff: dict[str, User]):
    """`enter("tara")` gives her own browser, the same each time, in which she is signed in."""
    browsers = defaultdict[str, Client](Client)

    def signed_in(name: str) -> Client:
        client = browsers[name]
        client.force_login(staff[name], backend="django.contrib.auth.backends.ModelBackend")
        return client

    return signed_in

"""A task ends, its process's pool of connections stays: threads that send webhooks are using it."""

import pytest
from celery.fixups.django import DjangoWorkerFixup
from django.db import connection

from apps.core import db
from flowdesk import celery

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_end_of_a_task_gives_its_connection_back_and_closes_no_pool() -> None:
    assert db.one("SELECT 1") == (1,)
    pool = connection.pool  # type: ignore[attr-defined]
    DjangoWorkerFixup(celery.app).close_database()
    celery._give_back()
    assert connection.connection is None
    assert not pool.closed
    assert db.one("SELECT 1") == (1,)
    assert connection.pool is pool  # type: ignore[attr-defined]

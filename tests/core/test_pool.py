"""The pool gives the connection that came back last, whose server process has its caches warm."""

import pytest
from django.db import ProgrammingError, connection, transaction

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("last", [0, 1, 2])
def test_one_after_the_other_meets_one_server_process_whatever_a_busy_moment_opened(last: int) -> None:
    pool = connection.pool
    assert pool is not None
    pool.open()
    busy = [pool.getconn() for _ in range(3)]
    assert len({one.info.backend_pid for one in busy}) == 3
    came_back_last = busy.pop(last)
    for one in (*busy, came_back_last):
        pool.putconn(one)
    for _ in range(4):
        with pool.connection() as again:
            assert again.info.backend_pid == came_back_last.info.backend_pid


def test_a_transaction_switches_the_lines_own_autocommit_off_and_on_again() -> None:
    connection.ensure_connection()
    line = connection.connection
    assert line.autocommit
    with transaction.atomic():
        assert not line.autocommit
        with pytest.raises(ProgrammingError), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            connection._set_autocommit(True)  # in the middle of a transaction it is psycopg's to refuse
    assert line.autocommit

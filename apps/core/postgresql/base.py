"""Django's PostgreSQL backend with a pool that gives the connection that came back last."""

from typing import Any

from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool


class LastInFirstOut(ConnectionPool[Any]):
    """psycopg's pool takes turns through all its connections, and so meets a server process whose caches are cold each time."""

    def _get_ready_connection(self, timeout: float | None) -> Any:
        self._pool.rotate(1)  # the last becomes the first, which is the one that is given
        return super()._get_ready_connection(timeout)


class DatabaseWrapper(base.DatabaseWrapper):
    _connection_pools: dict[str, ConnectionPool[Any]]  # Django's own, of the process
    _configure_connection: Any

    @property
    def pool(self) -> ConnectionPool[Any] | None:
        options = self.settings_dict["OPTIONS"].get("pool")
        if self.alias == NO_DB_ALIAS or not options:
            return None
        if self.alias not in self._connection_pools:
            settings = {**self.get_connection_params(), "autocommit": True}
            made = LastInFirstOut(kwargs=settings, open=False, configure=self._configure_connection, **options)
            self._connection_pools.setdefault(self.alias, made)  # the first thread's holds; nothing is connected yet
        return self._connection_pools[self.alias]

    def _set_autocommit(self, autocommit: bool) -> None:
        """psycopg's setter takes a lock and runs a generator, twice a transaction, to look at what is looked at here."""
        if self.connection is not None and self.connection.pgconn.transaction_status == TransactionStatus.IDLE:
            self.connection._autocommit = autocommit
        else:
            super()._set_autocommit(autocommit)  # type: ignore[misc]  # django-stubs leave it out

    def _commit(self) -> None:
        """A use case's last flight carried COMMIT: an idle line has nothing to commit, and is not asked."""
        if self.connection is None or self.connection.pgconn.transaction_status != TransactionStatus.IDLE:
            super()._commit()  # type: ignore[misc]  # django-stubs leave it out

"""`/livez`: this process answers. `/readyz`: it can deal. Which checks are made is said in `settings.READY_CHECKS`."""

from collections.abc import Callable

import redis
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.module_loading import import_string

from apps.api.problems import read_only

Check = Callable[[], str | None]  # None: fine; else the reason in a few words that strangers may read

_migrated = False


@read_only
def livez(_request: HttpRequest) -> HttpResponse:
    """200 as long as this process serves; touches nothing else, so that a sick database restarts no web process."""
    return HttpResponse("ok\n", content_type="text/plain")


@read_only
def readyz(_request: HttpRequest) -> JsonResponse:
    """200 when every check passes, else 503; the body names each check with "ok" or its reason."""
    reasons = why_not_ready()
    checks = {name: reason or "ok" for name, reason in reasons.items()}
    ready = not any(reasons.values())
    return JsonResponse({"ready": ready, "checks": checks}, status=200 if ready else 503, headers={"Cache-Control": "no-store"})


def why_not_ready() -> dict[str, str | None]:
    """Each check of `settings.READY_CHECKS` (name → dotted path) with None or its reason. Also asked by the live process."""
    reasons: dict[str, str | None] = {}
    for name, path in settings.READY_CHECKS.items():
        check: Check = import_string(path)
        try:
            reasons[name] = check()
        except (DatabaseError, InterfaceError):
            reasons[name] = "the database does not answer"
        except redis.RedisError:
            reasons[name] = "Valkey does not answer"
    return reasons


def database() -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return None


def migrations() -> str | None:
    """All migrations of this code are applied. Once true it stays true for this process, since code and schema only move forward."""
    global _migrated  # noqa: PLW0603
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return None if _migrated else "migrations are not applied"


def valkey() -> str | None:
    cache.get("readyz")
    return None


def prices() -> str | None:
    """A desk without fresh prices cannot deal: which pairs lack them."""
    from datetime import timedelta

    from apps.core.clock import desk_now
    from apps.core.errors import AppError
    from apps.pricing import queries as pricing
    from apps.pricing.feeds import bus
    from apps.pricing.rules import require_fresh

    now, lacking = desk_now(), []
    for policy in pricing.list_policies():
        try:
            depth = bus.read_depth(policy.pair_code)
            if depth is None:
                raise LookupError
            require_fresh(depth, now, timedelta(milliseconds=policy.max_price_age_ms))
        except (AppError, LookupError):
            lacking.append(policy.pair_code)
    if not lacking:
        return None
    try:
        leads = bus.read_state() is not None
    except AppError:
        leads = False
    return f"no fresh price of {', '.join(lacking)}" + ("" if leads else "; no feed leads")

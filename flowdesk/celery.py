"""The Celery application of worker and beat: `celery -A flowdesk worker`. Tasks stand in apps/jobs, what ticks in flowdesk/schedule.py.

A worker may be killed at any moment: a task is acknowledged after its end, given back when its process is lost, and comes again after
`visibility_timeout` at the latest. So every task may run twice, and no message is the only copy of a fact: what is due is a row.
"""

import os
import sys
import warnings
from pathlib import Path

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowdesk.settings")

LONGEST_TASK_S = 150
JOBS = Path(__file__).resolve().parent.parent / "apps/jobs"
CANARY, CANARY_EVERY_S, CANARY_LIFE_S = "worker:canary", 10, 60
warnings.filterwarnings("ignore", message="You're running the worker with superuser")  # no pickle is accepted here

app = Celery("flowdesk", include=[f"apps.jobs.{file.stem}" for file in sorted(JOBS.glob("[a-z]*.py")) if file.stem != "apps"])
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_acks_on_failure_or_timeout=True,  # a failed task is not repeated: its row is still due at the next tick
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    task_time_limit=LONGEST_TASK_S,
    task_soft_time_limit=LONGEST_TASK_S - 30,
    task_default_queue="flowdesk",
    task_serializer="json",
    accept_content=["json"],
    worker_prefetch_multiplier=1,
    worker_soft_shutdown_timeout=10,
    worker_enable_remote_control=False,  # liveness is a finished canary, not a ping
    worker_send_task_events=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,  # a kill inside COMMIT would count a done task as failed
    broker_transport_options={"visibility_timeout": 2 * LONGEST_TASK_S},
    broker_connection_retry_on_startup=True,
    beat_scheduler="celery.beat:Scheduler",  # in memory: beat only ticks, two at once do no harm
    beat_schedule_filename=None,
    timezone="UTC",
    enable_utc=True,
    # Celery's own way is to close the pool around each task: opened anew at every tick, and closed under the senders of webhooks.
    CELERY_DB_REUSE_MAX=sys.maxsize,
)


@app.on_after_configure.connect
def _take_schedule(sender: Celery, **_: object) -> None:
    from flowdesk.schedule import beat_schedule

    sender.conf.beat_schedule = beat_schedule()


@signals.worker_process_init.connect
def _prepare_child(**_: object) -> None:
    """A forked child starts with exact decimals and without its parent's connections."""
    from django.db import connections

    from apps.core.money import use_exact_context

    use_exact_context()
    for connection in connections.all(initialized_only=True):
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]


@signals.task_postrun.connect
def _give_back(**_: object) -> None:
    """The task's connection goes back to its process's pool, which drops one that broke."""
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        connection.close()


@app.task(name="flowdesk.canary")
def canary() -> None:
    """Show that messages are consumed: a worker can stay up and take nothing any more after its broker came back."""
    from django.core.cache import cache

    cache.set(CANARY, "alive", timeout=CANARY_LIFE_S)

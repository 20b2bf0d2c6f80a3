from enum import StrEnum

from apps.core.states import Machine


class RunStatus(StrEnum):
    DUE = "DUE"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


R = RunStatus
RUN = Machine({R.DUE: {R.RUNNING}, R.RUNNING: {R.DONE, R.FAILED}, R.FAILED: {R.RUNNING}, R.DONE: set()})

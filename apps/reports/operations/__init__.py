"""Make report runs due, run each exactly once, write its files."""

from .documents import write
from .runs import correct, fail, finish, make_due, start

__all__ = ["correct", "fail", "finish", "make_due", "start", "write"]

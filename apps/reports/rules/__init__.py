"""Which reports there are, and how statistics add up. No Django."""

from .runs import LEASE, NUMBERED, Report

__all__ = ["LEASE", "NUMBERED", "Report"]

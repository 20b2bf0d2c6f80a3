"""Benchmarks: every one with its limit beside it, in the same run (docs/performance.md)."""

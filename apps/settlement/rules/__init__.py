"""Arithmetic of settlement: what nets, what blocks a release, what a receipt pays, which lines are posted. No Django."""

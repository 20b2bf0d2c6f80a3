"""Layouts of documents: rows in, bytes or lines out. No tables, no clock: what is generated when is passed in."""

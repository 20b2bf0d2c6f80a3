"""Questions that read across the house; nobody else may. Each is one statement."""

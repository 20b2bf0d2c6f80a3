"""What the desk's screens show, read across the apps: one file a screen, plain rows, no model handed up."""

"""One whole desk day on real engines: the demo's plan, its client process, and the hand that moves the desk clock."""

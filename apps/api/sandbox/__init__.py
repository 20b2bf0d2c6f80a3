"""The sandbox's own door: scenarios that a tester names, and what the simulated people are to do about them. Not there elsewhere."""

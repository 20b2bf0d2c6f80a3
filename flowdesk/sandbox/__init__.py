"""The people of a sandbox, simulated: a trader, operations, and the clients' banks. They act by the same workflows as people do."""

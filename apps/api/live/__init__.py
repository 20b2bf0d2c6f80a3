"""The live role: WebSockets that deliver what was recorded and never decide anything."""

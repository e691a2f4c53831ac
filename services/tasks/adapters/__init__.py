"""PostgreSQL, and the published form of events."""

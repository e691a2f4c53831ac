"""The rules of plans, units and programmes: plain Python, no framework, no SQL, no clock."""

"""What the figures and the reports are: plain Python, no framework, no SQL, no clock."""

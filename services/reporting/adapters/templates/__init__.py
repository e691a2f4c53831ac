"""The Word template of reports, and the program that made it."""

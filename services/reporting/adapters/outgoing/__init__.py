"""Posting to an address that a stranger chose: what may be reached, how long it may take, how much is listened to."""

"""HTTP: the only room of the plans service that knows it."""

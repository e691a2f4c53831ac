"""Rules of webhooks: who is told what, how it is signed, when it is tried again, when an endpoint is left alone."""

"""Fixtures that every test may ask for; each lives in its own module of tests/support."""

pytest_plugins = ["tests.support.postgres", "tests.support.kafka", "tests.support.telling"]

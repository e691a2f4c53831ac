"""PostgreSQL: engine, unit of work, migrations, stored answers of repeated requests."""

"""Where the plans service meets PostgreSQL, files and the published contracts."""

"""SQL, published contracts and document files: what the use cases reach through ports."""

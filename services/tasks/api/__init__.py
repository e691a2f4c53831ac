"""HTTP: requests in, problems and answers out."""

"""What the service keeps: jobs, results and an index of their words, in one SQLite database."""

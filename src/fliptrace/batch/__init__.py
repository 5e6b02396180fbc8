"""Many conversations analyzed as one resumable run, into three tables."""

"""The web service `fliptrace serve`: conversations in, jobs, results that are found again."""

"""A fake provider for rehearsals: an OpenAI-compatible HTTP server on loopback. It costs nothing and learns nothing."""

"""A provider to rehearse against: an OpenAI-compatible HTTP server on loopback. It costs nothing and learns nothing."""

"""Trains the reader, the encoder model that fliptrace ships, and measures it."""

"""Packs a finished encoder run into the model that ships as `embedded`, and measures it for its card."""

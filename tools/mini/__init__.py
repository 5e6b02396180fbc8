"""Packs trained seeds into the model that fliptrace ships, and measures it for its model card."""

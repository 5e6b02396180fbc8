"""Makes the model that fliptrace ships from trained seeds, and measures it for its card."""

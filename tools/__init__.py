"""What only maintainers run: making the shipped model, the sample corpus and the published schema."""

"""What the tools that pack the shipped models share: predictions, figures, baselines, parts of their cards."""

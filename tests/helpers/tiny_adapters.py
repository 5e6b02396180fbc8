"""A base for tests of adapters in the shared layout, and the settings that train one in seconds."""

from __future__ import annotations

from pathlib import Path

from tiny import save_tiny

from fliptrace.core.files import read_json, write_json

TUNING = {"method": "lora", "lora_rank": 4, "lora_alpha": 8, "learning_rate": 1e-2, "evals_per_epoch": 0}


def make_base(folder: Path) -> Path:
    base = save_tiny("llama", folder)
    config = read_json(base / "config.json")
    write_json(base / "config.json", config | {"max_position_embeddings": 2048})  # few words in its vocabulary
    return base

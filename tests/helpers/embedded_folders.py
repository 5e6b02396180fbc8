"""Shared by the tests of export and embedded models: a tiny Llama as a Hugging Face folder and as an embedded model."""

from __future__ import annotations

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import torch
from tiny import SENTENCES

from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.models.local.loading import load_causal_lm, quiet
from fliptrace.models.local.scratch import ScratchSpec, build_scratch
from fliptrace.prompts.views import Layout
from fliptrace.training.export import Exported, export_onnx

# Two layers, and three heads per key-value head: this covers everything that the graph can contain.
SPEC = ScratchSpec(
    vocab_size=320,
    hidden_size=48,
    num_layers=2,
    num_heads=6,
    num_kv_heads=2,
    intermediate_size=64,
    max_position_embeddings=512,
)
DEFAULTS = InferenceDefaults(Layout("window", window=3, max_words=6), thresholds={"exact": 0.3})


def build_checkpoint(
    folder: Path, seed: int = 0, texts: tuple[str, ...] = SENTENCES, defaults: InferenceDefaults = DEFAULTS
) -> Path:
    """Save a scratch model and its defaults. Its weights are so large that its probabilities differ clearly."""
    build_scratch(texts, SPEC, folder, seed)
    model: Any = load_causal_lm(str(folder))
    with torch.random.fork_rng(devices=[]), torch.no_grad(), quiet():
        torch.manual_seed(seed)
        for weight in model.parameters():
            weight.normal_(std=0.2) if weight.ndim > 1 else weight.add_(torch.randn_like(weight) * 0.2)
        model.save_pretrained(folder)
    defaults.write(folder)
    return folder


_PLACE = Path(mkdtemp())
atexit.register(shutil.rmtree, _PLACE, ignore_errors=True)


def checkpoint(seed: int = 0) -> Path:
    """Return the folder of a checkpoint, built once per test run."""
    folder = _PLACE / f"model-{seed}"
    return folder if folder.exists() else build_checkpoint(folder, seed)


@cache
def exported(*, half: bool = False, seeds: tuple[int, ...] = (0,)) -> Exported:
    """Export checkpoints to ONNX, once per test run, since it takes seconds."""
    place = _PLACE / f"{'-'.join(map(str, seeds))}{'-half' * half}"
    return export_onnx([checkpoint(seed) for seed in seeds], place / "embedded", half=half)

"""Writes an encoder model as a folder of graphs that models/encoder/reader.py runs without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fliptrace.core.files import new_folder
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.models.encoder.config import DIALOGUE, TOKENIZER, TRIGGERS, UTTERANCES, EncoderConfig
from fliptrace.models.encoder.reader import EncoderReader, Floats, Graphs
from fliptrace.models.encoder.trigger_inputs import TriggerInputs
from fliptrace.models.known_words import KnownWords
from fliptrace.training.encoder.fit import Trainee
from fliptrace.training.onnx_graph import export_module, to_bytes


def export_encoder(
    trainee: Trainee,
    config: EncoderConfig,
    tokenizer: Any,
    defaults: InferenceDefaults,
    words: KnownWords | None,
    folder: Path,
) -> int:
    """Write the folder, all or nothing, and return its size in bytes. Matrices are stored in 8 bits."""
    dim = torch.export.Dim
    with new_folder(folder) as neighbour:
        by_text = {0: dim("texts"), 1: dim("time")}
        example = (torch.ones(3, 7, dtype=torch.long), torch.ones(3, 7, dtype=torch.long))
        graph = export_module(trainee.utterances, example, (by_text, by_text), ("ids", "mask"), ("vectors",))
        (neighbour / UTTERANCES).write_bytes(to_bytes(graph, np.int8))
        utterances = dim("utterances")
        graph = export_module(
            trainee.dialogue,
            (torch.zeros(1, 5, trainee.utterances.width), torch.zeros(1, 5, dtype=torch.long)),
            ({1: utterances}, {1: utterances}),
            ("vectors", "speakers"),
            ("logits", "states"),
        )
        (neighbour / DIALOGUE).write_bytes(to_bytes(graph, np.int8))
        (neighbour / TRIGGERS).write_bytes(to_bytes(_trigger_graph(trainee, config), np.int8))
        (neighbour / TOKENIZER).write_text(tokenizer.to_str(), encoding="utf-8")
        config.write(neighbour)
        defaults.write(neighbour)
        if words is not None:
            words.write(neighbour)
        return sum(path.stat().st_size for path in neighbour.iterdir())


def _trigger_graph(trainee: Trainee, config: EncoderConfig) -> Any:
    """Every example input is a tensor of its own: the exporter takes the same tensor for the same input."""
    dim = torch.export.Dim
    flips, utterances, window = dim("flips"), dim("utterances"), config.window
    shapes_of = {"places": (3, window), "speakers": (3, window), "zones": (3, window)}
    inputs = {name: torch.zeros(shapes_of.get(name, (3,)), dtype=torch.long) for name in TriggerInputs._fields}
    inputs["shown"] = torch.ones(3, window, dtype=torch.bool)
    example = (torch.zeros(11, trainee.dialogue.width), torch.zeros(11, len(config.labels)), *inputs.values())
    shapes = ({0: utterances}, {0: utterances}, *({0: flips} for _ in TriggerInputs._fields))
    return export_module(trainee.triggers, example, shapes, ("states", "emotions", *TriggerInputs._fields), ("logits",))


def torch_reader(trainee: Trainee, config: EncoderConfig, tokenizer: Any, name: str) -> EncoderReader:
    """The model under training as one that reads, to be measured before it is exported."""
    device = next(trainee.parameters()).device

    def tensor(array: Any) -> Tensor:
        return torch.from_numpy(array).to(device)

    @torch.inference_mode()
    def utterances(ids: Any, mask: Any) -> Floats:
        vectors: Floats = trainee.utterances(tensor(ids), tensor(mask)).float().cpu().numpy()
        return vectors

    @torch.inference_mode()
    def dialogue(vectors: Floats, speakers: Any) -> tuple[Floats, Floats]:
        logits, states = trainee.dialogue(tensor(vectors)[None], tensor(speakers)[None])
        return logits[0].float().cpu().numpy(), states[0].float().cpu().numpy()

    @torch.inference_mode()
    def triggers(states: Floats, emotions: Floats, inputs: TriggerInputs) -> Floats:
        logits: Floats = trainee.triggers(tensor(states), tensor(emotions), *map(tensor, inputs)).float().cpu().numpy()
        return logits

    trainee.eval()
    return EncoderReader(name, config, tokenizer, Graphs(utterances, dialogue, triggers))

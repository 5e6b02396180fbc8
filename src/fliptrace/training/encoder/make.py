"""Makes an encoder model of a recipe: base loaded, layers fitted, calibrated on val, exported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import AutoModel

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.errors import InputError, RunError
from fliptrace.core.files import Json, hash_file, read_object, write_json
from fliptrace.inference.reading import ReadingLabeler
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.models.encoder.config import EncoderConfig
from fliptrace.models.encoder.reader import EncoderReader
from fliptrace.models.local.loading import NO_CODE, load_tokenizer, quiet, resolve
from fliptrace.predictions.rows import Prediction
from fliptrace.scoring.flips import LabelledRow, choose_temperature
from fliptrace.scoring.thresholds import choose_threshold
from fliptrace.training.data import TrainingData
from fliptrace.training.emotion_weights import choose_emotion_weights
from fliptrace.training.encoder.export import export_encoder, torch_reader
from fliptrace.training.encoder.fit import OnPart, Trainee, fit, number_texts
from fliptrace.training.encoder.network import UtteranceEncoder
from fliptrace.training.encoder.recipe import EncoderBase, EncoderRecipe
from fliptrace.training.encoder.units import LABELS, UNKNOWN, Unit, make_units
from fliptrace.training.recipe_changes import differences

BEGUN = "begun.json"  # in a run's folder: what it is made from
MODEL = "model"  # what was exported


def make_encoder(recipe: EncoderRecipe, data: TrainingData, out: Path, on_step: OnPart) -> int:
    """Train the model and write it to `out`/MODEL. Returns its size in bytes.

    A killed run goes on where it was. RunError if `out` was begun with another recipe, base or other data.
    """
    _begin(recipe, data, out)
    tokenizer, base = _load_base(recipe.base)
    units = make_units(data.train, data.emotions, recipe.data.emotions, recipe.layers.window, recipe.seed)
    prefix, most = recipe.base.prefix, recipe.base.max_tokens
    tokenizer.enable_truncation(most)
    texts = number_texts(
        units, lambda said: [each.ids for each in tokenizer.encode_batch([prefix + text for text in said])]
    )
    trainee = Trainee(UtteranceEncoder(base), recipe.layers, recipe.seed)
    fit(trainee, units, texts, recipe.fit, recipe.seed, out, on_step)
    config = EncoderConfig(LABELS, prefix, most, recipe.layers.context, recipe.layers.window)
    reader = torch_reader(trainee.to("cpu"), config, tokenizer, recipe.name)
    weights = _emotion_weights(reader, data, units)
    defaults = InferenceDefaults(
        thresholds=_thresholds(reader, data),
        emotion_weights=weights,
        emotion_temperature=_temperature(reader, data, weights),
    )
    return export_encoder(trainee, config, tokenizer, defaults, out / MODEL)


def _begin(recipe: EncoderRecipe, data: TrainingData, out: Path) -> None:
    """Note what a run is made from, or compare it: vectors and steps of another run would be taken for its own."""
    weights = {path.name: hash_file(path) for path in sorted(Path(resolve(recipe.base.model)).glob("*.safetensors"))}
    ours: Json = {"recipe": recipe.to_json(), "base": weights, "data": data.manifest}
    path = out / BEGUN
    if path.exists():
        if changed := differences(read_object(path), ours):
            lines = "\n  ".join(changed)
            raise RunError(out, f"begun with another recipe or other data:\n  {lines}\nchoose another folder")
    else:
        write_json(path, ours)


def _load_base(base: EncoderBase) -> tuple[Any, Any]:
    """Tokenizer and encoder, in fp32."""
    tokenizer = load_tokenizer(resolve(base.model))
    if tokenizer.pad_token_id is None:
        raise InputError(base.model, "its tokenizer has no padding token; expected an encoder, such as a BERT")
    try:
        with quiet():
            encoder = AutoModel.from_pretrained(
                resolve(base.model), dtype=torch.float32, use_safetensors=True, attn_implementation="eager", **NO_CODE
            )
    except (OSError, ValueError) as error:
        raise InputError(base.model, f"cannot be loaded as an encoder: {error}") from error
    plain = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    plain.no_padding()
    return plain, encoder


def _emotion_weights(reader: EncoderReader, data: TrainingData, units: Sequence[Unit]) -> dict[str, float]:
    """The weights of labels that are best on val, from the labels' shares in the units."""
    taught = Counter(LABELS[n] for unit in units if unit.teaches_emotions for n in unit.labels if n != UNKNOWN)
    if not taught or not data.emotion_val:
        return {}
    shares = {label: count / taught.total() for label, count in taught.items()}
    return choose_emotion_weights(ReadingLabeler("val", reader), list(data.emotion_val.values()), shares).weights


def _temperature(reader: EncoderReader, data: TrainingData, weights: Mapping[str, float]) -> float:
    """The temperature of the distributions after their weights."""
    if not data.emotion_val:
        return 1.0
    labeler = ReadingLabeler("val", reader, weights)
    return round(choose_temperature([_labelled_rows(labeler, each) for each in data.emotion_val.values()]), 3)


def _labelled_rows(labeler: ReadingLabeler, dialogues: Sequence[Dialogue]) -> list[LabelledRow]:
    return [
        LabelledRow(distribution, dialogue.emotion_set.labels.index(label))
        for dialogue, labels in zip(dialogues, labeler.label(dialogues), strict=True)
        for label, distribution in zip(dialogue.emotions, labels.scores or (), strict=True)
        if label is not None and distribution is not None
    ]


def _thresholds(reader: EncoderReader, data: TrainingData) -> dict[Any, float]:
    supports = reader.support_triggers(data.val)
    rows = [Prediction.by_support(case, support, 0.5) for case, support in zip(data.val, supports, strict=True)]
    chosen = round(choose_threshold(rows, "val").threshold, 4)
    return {"greedy": chosen, "exact": chosen}

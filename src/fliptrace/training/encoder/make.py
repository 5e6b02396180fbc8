"""Makes an encoder model of a recipe: base loaded, layers fitted, calibrated on val, exported."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tokenizers import Tokenizer
from transformers import AutoModel

from fliptrace.core.errors import InputError, RunError
from fliptrace.core.files import Json, hash_file, read_object, write_json
from fliptrace.models.encoder.config import CONFIG, MODEL, EncoderConfig
from fliptrace.models.local.loading import NO_CODE, load_tokenizer, quiet, resolve
from fliptrace.training.data import TrainingData
from fliptrace.training.encoder.batches import draw_batches
from fliptrace.training.encoder.calibrate import calibrate
from fliptrace.training.encoder.export import export_encoder, torch_reader
from fliptrace.training.encoder.fit import Fit, OnPart, Texts, Trainee, number_texts
from fliptrace.training.encoder.network import UtteranceEncoder
from fliptrace.training.encoder.recipe import EncoderBase, EncoderRecipe
from fliptrace.training.encoder.units import LABELS, Unit, make_units
from fliptrace.training.encoder.words import learn_words
from fliptrace.training.recipe_changes import differences

BEGUN = "begun.json"  # in a run's folder: what it is made from
CALIBRATION = "calibration.json"  # in a run's folder: what was chosen on val, and what it does there


class Estimate(NamedTuple):
    """The size of a training. `tokens` are those of the distinct texts, which are encoded once, and once an epoch while
    the base is tuned.
    """

    dialogues: int
    utterances: int
    flips: int
    distinct_texts: int
    tokens: int
    steps_of_the_layers: int
    steps_of_everything: int


def make_encoder(recipe: EncoderRecipe, data: TrainingData, out: Path, on_step: OnPart) -> int:
    """Train the model and write it to `out`/MODEL. Returns its size in bytes.

    A killed run goes on where it was, and a finished one stays as it is; without CALIBRATION it is calibrated and
    exported once more. RunError if `out` was begun with another recipe, base or other data.
    """
    _begin(recipe, data, out)
    if (out / MODEL / CONFIG).is_file() and (out / CALIBRATION).is_file():
        return sum(path.stat().st_size for path in (out / MODEL).iterdir())
    tokenizer, base = _load_tokenizer(recipe.base), _load_base(recipe.base)
    units = _make_units(recipe, data)
    texts = _number_texts(recipe.base, tokenizer, units)
    trainee = Trainee(UtteranceEncoder(base), recipe.layers, recipe.seed)
    Fit(trainee, texts, recipe.fit, recipe.seed, out, on_step).run(units, _tuned_on(recipe, data, units))
    prefix, most = recipe.base.prefix, recipe.base.max_tokens
    config = EncoderConfig(LABELS, prefix, most, recipe.layers.context, recipe.layers.window)
    chosen = calibrate(torch_reader(trainee.to("cpu"), config, tokenizer, recipe.name), data, units)
    learned = learn_words(units, chain.from_iterable(data.emotion_val.values()))
    num_bytes = export_encoder(trainee, config, tokenizer, chosen.defaults, learned.words, out / MODEL)
    write_json(out / CALIBRATION, chosen.figures | {"words": learned.to_json()})
    return num_bytes


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


def estimate(recipe: EncoderRecipe, data: TrainingData) -> Estimate:
    """Count what training would do, with the base's tokenizer alone. Nothing is written."""
    units = _make_units(recipe, data)
    texts = _number_texts(recipe.base, _load_tokenizer(recipe.base), units)
    fit = recipe.fit
    parts = ((units, fit.layer_epochs + fit.refit_epochs), (_tuned_on(recipe, data, units), fit.epochs))
    of_layers, of_all = (len(draw_batches(part, fit.batch_utterances, epochs, recipe.seed)) for part, epochs in parts)
    return Estimate(
        dialogues=len(units),
        utterances=sum(len(unit.texts) for unit in units),
        flips=sum(len(unit.is_trigger) for unit in units),
        distinct_texts=len(texts.ids),
        tokens=sum(map(len, texts.ids)),
        steps_of_the_layers=of_layers,
        steps_of_everything=of_all,
    )


def _make_units(recipe: EncoderRecipe, data: TrainingData) -> list[Unit]:
    return make_units(data.train, data.emotions, recipe.data.emotions, recipe.layers.window, recipe.seed)


def _tuned_on(recipe: EncoderRecipe, data: TrainingData, units: Sequence[Unit]) -> Sequence[Unit]:
    """The units that tune the base: those of the files that the recipe names for it, or all."""
    files = recipe.fit.tuned_on
    if not files:
        return units
    weights = {file: recipe.data.emotions[file] for file in files}
    window, seed = recipe.layers.window, recipe.seed
    return [unit for unit in make_units(data.train, data.emotions, weights, window, seed) if unit.teaches_emotions]


def _number_texts(base: EncoderBase, tokenizer: Any, units: Sequence[Unit]) -> Texts:
    tokenizer.enable_truncation(base.max_tokens)
    return number_texts(
        units, lambda said: [each.ids for each in tokenizer.encode_batch([base.prefix + text for text in said])]
    )


def _load_tokenizer(base: EncoderBase) -> Any:
    tokenizer = load_tokenizer(resolve(base.model))
    if tokenizer.pad_token_id is None:
        raise InputError(base.model, "its tokenizer has no padding token; expected an encoder, such as a BERT")
    plain = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    plain.no_padding()
    return plain


def _load_base(base: EncoderBase) -> Any:
    """The encoder, in fp32, without dropout: a CPU draws it on one thread, and the layers above have theirs."""
    try:
        with quiet():
            encoder = AutoModel.from_pretrained(
                resolve(base.model), dtype=torch.float32, use_safetensors=True, attn_implementation="eager", **NO_CODE
            )
    except (OSError, ValueError) as error:
        raise InputError(base.model, f"cannot be loaded as an encoder: {error}") from error
    for part in encoder.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    return encoder

"""The recipe of an encoder model: what it is trained on, on which base, with which layers, how long."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from fliptrace.core.files import Json, hash_json
from fliptrace.training.recipe_tables import Data
from fliptrace.training.typed_toml import Count, FileName, Part, Positive, Share, parse_table, read_toml


class EncoderBase(Part):
    """The encoder that reads utterances: a folder or a Hub id. `prefix` stands before each, as the base was trained."""

    model: str
    prefix: str = ""
    max_tokens: Count = 96


class Layers(Part):
    """The sizes of the layers over utterances.

    An utterance attends to itself and the `reach` utterances before it in each of `num_layers` layers. A flip's
    triggers are looked for among the `window` last utterances. There are `members` of these layers, drawn and trained
    for themselves, whose probabilities are averaged.
    """

    width: Count = 192
    num_layers: Count = 2
    reach: Count = 8
    num_heads: Count = 4
    trigger_width: Count = 64
    window: Count = 8
    dropout: Share = 0.3
    members: Count = 1

    @property
    def context(self) -> int:
        """How many earlier utterances a state depends on."""
        return self.num_layers * self.reach


class Fitting(Part):
    """How long and how fast: first the layers, then everything, then the layers on what the base has become.

    The layers learn from all training data, the base from the dialogues of the emotion files `tuned_on`, by default
    from all as well. `rate` is that of the base, `tuned_layer_rate` that of the layers above it meanwhile. With
    `epochs` 0 the base stays as it is.
    """

    layer_epochs: Count = 8
    layer_rate: Positive = 1e-3
    epochs: int = Field(default=2, ge=0)
    rate: Positive = 2e-5
    tuned_layer_rate: Positive = 2e-4
    tuned_on: list[str] = Field(default=[])
    refit_epochs: int = Field(default=0, ge=0)
    batch_utterances: Count = 512
    weight_decay: float = Field(default=0.05, ge=0)
    warmup_share: Share = 0.1
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"


class EncoderRecipe(Part):
    """A recipe of an encoder model. `data.emotions` are drawn as often as their weights say."""

    name: FileName
    seed: int = 0
    data: Data
    base: EncoderBase
    layers: Layers = Layers()
    fit: Fitting = Fitting()

    @model_validator(mode="after")
    def _tuned_on_emotions(self) -> EncoderRecipe:
        for file in self.fit.tuned_on:
            if file not in self.data.emotions:
                known = ", ".join(self.data.emotions) or "none"
                raise ValueError(f"fit.tuned_on: found {file!r}, expected files of data.emotions: {known}")
        return self

    def to_json(self) -> Json:
        return self.model_dump(mode="json")

    @property
    def digest(self) -> str:
        return hash_json(self.to_json())


def read_encoder_recipe(path: Path) -> EncoderRecipe:
    """Read a recipe from a TOML file. The InputError names every wrong key."""
    return parse_table(EncoderRecipe, read_toml(path), str(path), "recipe")


def is_encoder_recipe(path: Path) -> bool:
    """Whether a recipe describes an encoder model: it has layers to fit, and no stages."""
    table = read_toml(path)
    return "stages" not in table and bool({"layers", "fit"} & table.keys())


def override_encoder(recipe: EncoderRecipe, *, base: str | None, seed: int | None, device: str | None) -> EncoderRecipe:
    """Return the recipe with the overrides of the command line; None keeps a value."""
    table = recipe.to_json()
    if base is not None:
        table["base"]["model"] = base
    if seed is not None:
        table["seed"] = seed
    if device is not None:
        table["fit"]["device"] = device
    return parse_table(EncoderRecipe, table, "recipe as overridden", "recipe")

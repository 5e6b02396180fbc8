"""A training recipe: every number a run depends on, read from TOML and typed. Unknown keys are errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, hash_json
from fliptrace.curate.curator import EMOTION_KINDS
from fliptrace.inference.config import InferenceConfig
from fliptrace.models.base import Decoding
from fliptrace.models.hosted.provider import is_hosted
from fliptrace.prompts.views import Layout
from fliptrace.training.recipe_tables import BASE, Base, Curate, Data, EvaluationPart, Hosted, Prompt, Stage, Tuning
from fliptrace.training.typed_toml import FileName, SparsePart, parse_table, read_toml, renamed_from


class Recipe(SparsePart):
    """The recipe of a run. `tuning` describes local training, `hosted` training by the provider of a hosted base."""

    later_keys = frozenset({"hosted"})

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$", max_length=100)]
    seed: int = 0
    data: Data
    base: Base
    prompt: Prompt = Prompt()
    curate: Curate = Curate()
    tuning: Tuning | None = None
    hosted: Hosted | None = None
    stages: list[Stage] = Field(min_length=1)
    evaluations: dict[FileName, EvaluationPart] = renamed_from("readings", min_length=1)

    @model_validator(mode="after")
    def _stages_can_be_trained(self) -> Self:
        names = [stage.name for stage in self.stages]
        if len(set(names)) != len(names):
            raise ValueError(f"stages: duplicate name in {', '.join(names)}; expected distinct names")
        for position, stage in enumerate(self.stages):
            _check_origin(stage, names[:position])
        _check_evaluations(self.evaluations, names)
        if self.curate.held_out == 0 and any(stage.needs_own_answers for stage in self.stages):
            raise ValueError("curate.held_out: 0 leaves no cases for the own answers that a later stage corrects")
        for stage in self.stages:
            unknown = sorted((stage.emotions or {}).keys() - self.data.emotions.keys())
            if unknown:
                raise ValueError(f"stage {stage.name!r}: emotions has {unknown[0]!r}, which data.emotions lacks")
            for kind in EMOTION_KINDS:
                if kind in stage.mixture and not self.data.emotions:
                    raise ValueError(
                        f"stage {stage.name!r}: kind {kind!r} needs files in data.emotions, which is empty"
                    )
            if "emotions" in stage.mixture and self.prompt.layout != "shared":
                raise ValueError(f"stage {stage.name!r}: kind 'emotions' needs prompt.layout = 'shared'")
        if self.hosted is not None or is_hosted(self.base.model):
            self._check_hosted()
            return self
        tuning = self._tuning_given()
        self._check_soft_targets(tuning)
        if tuning.packing == "prefix-tree" and self.prompt.layout == "window":
            raise ValueError(
                "tuning.packing = 'prefix-tree': window prompts share nothing; expected prompt.layout = 'shared'"
            )
        return self

    def _tuning_given(self) -> Tuning:
        if self.tuning is None:
            raise ValueError("no [tuning]; a locally trained base needs one")
        for stage in self.stages:
            if stage.learning_rate_multiplier is not None:
                raise ValueError(f"stage {stage.name!r}: learning_rate_multiplier is for hosted bases")
        return self.tuning

    def _check_hosted(self) -> None:
        """Check what a provider supports: whole epochs, its own optimizer, loss on the last reply, no early stop."""
        if not is_hosted(self.base.model):
            raise ValueError(f"[hosted]: base.model = {self.base.model!r} is trained locally; expected [tuning]")
        if self.hosted is None or self.tuning is not None:
            raise ValueError(f"base.model = {self.base.model!r} is hosted; expected [hosted] and no [tuning]")
        if self._has_soft_targets:
            raise ValueError("curate: soft targets need a locally trained base")
        for name, part in self.evaluations.items():
            if part.kind == "exact":  # one sampled answer would get all the probability
                raise ValueError(
                    f"evaluation {name!r}: decode = 'exact' needs samples with a hosted model: use `predict`"
                )
        for stage in self.stages:
            if stage.epochs is None or stage.epochs % 1 or stage.learning_rate is not None:
                raise ValueError(
                    f"stage {stage.name!r}: a hosted base is trained for whole `epochs`, without steps_of, and with "
                    "learning_rate_multiplier instead of learning_rate"
                )

    def _check_soft_targets(self, tuning: Tuning) -> None:
        if not self._has_soft_targets:
            return
        if tuning.packing == "prefix-tree":
            raise ValueError("tuning.packing = 'prefix-tree' allows one label per token, but soft targets give several")
        unknown = sorted(self.curate.soft_emotions.keys() - self.data.emotions.keys())
        if unknown:
            raise ValueError(f"curate.soft_emotions has {unknown[0]!r}, which data.emotions lacks")
        if self.base.scratch is None or tuning.accumulate > 1:
            # The attention masks of soft examples fit the scratch model; sliding windows, for instance, need others.
            raise ValueError("curate: soft targets need base.model = 'scratch' and tuning.accumulate = 1")

    @property
    def _has_soft_targets(self) -> bool:
        of_stages = any(stage.soft_triggers for stage in self.stages)
        return bool(self.curate.soft_triggers or self.curate.soft_emotions or of_stages)

    @property
    def packs(self) -> bool:
        """Whether to train examples as prefix trees, provided that the model supports it.

        `tuning.packing` decides. If it is not set, examples are packed whenever the loss stays the same and the
        layout lets them share tokens.
        """
        tuning = self.local_tuning
        if tuning.packing is not None:
            return tuning.packing == "prefix-tree"
        return self.prompt.layout != "window" and not self._has_soft_targets and not tuning.drops

    @property
    def local_tuning(self) -> Tuning:
        """The tuning of a locally trained base."""
        assert self.tuning is not None, "a hosted recipe has no local tuning"
        return self.tuning

    @property
    def device(self) -> str:
        """The device for other models that a run needs, such as a teacher."""
        return "auto" if self.tuning is None else self.tuning.device

    @property
    def layout(self) -> Layout:
        prompt = self.prompt.model_dump(exclude={"layout", "emotions_in_one_reply"})
        in_one_reply = bool(self.prompt.emotions_in_one_reply)
        return Layout(**prompt, name=self.prompt.layout, emotions_in_one_reply=in_one_reply)

    @property
    def digest(self) -> str:
        """The hash of the recipe. It uses the keys of the first version, so that renaming a key changes no hash."""
        return hash_json(self.model_dump(mode="json", by_alias=True))

    def to_json(self) -> Json:
        return self.model_dump(mode="json")

    def inference_config(self, name: str) -> InferenceConfig:
        part = self.evaluations[name]
        decoding = Decoding(
            part.kind,
            part.samples,
            part.temperature,
            part.top_p,
            part.max_new_tokens,
            self.seed,
            constrain=part.constrain is not False,
        )
        return InferenceConfig(self.layout, part.ask, decoding, part.judge)


def _check_origin(stage: Stage, earlier: Sequence[str]) -> None:
    """Raise ValueError if `parent` or `steps_of` of a stage does not name an earlier stage."""
    for key, name in (("parent", stage.parent), ("steps_of", stage.steps_of)):
        known = [*([BASE] if key == "parent" else []), *earlier]
        if name is not None and name not in known:
            raise ValueError(f"stage {stage.name!r}: {key} is {name!r}; expected one of {', '.join(known) or 'none'}")
    if stage.needs_own_answers and (not earlier or stage.parent == BASE):
        raise ValueError(f"stages: {stage.name!r} has no trained parent whose answers it could correct")


def _check_evaluations(evaluations: Mapping[str, EvaluationPart], stages: Sequence[str]) -> None:
    for name, part in evaluations.items():
        unknown = [] if isinstance(part.after, str) else sorted(set(part.after) - set(stages))
        if unknown:
            raise ValueError(f"evaluation {name!r}: after has {unknown[0]!r}; expected stages of {', '.join(stages)}")


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from a TOML file. The InputError names every wrong key, and suggests a known one for an unknown."""
    return parse_recipe(read_toml(path), place=str(path))


def parse_recipe(table: Json, place: str) -> Recipe:
    """Build a recipe from a parsed table. `place` starts the error messages."""
    return parse_table(Recipe, table, place, "recipe")


def override(recipe: Recipe, *, base: str | None, seed: int | None, device: str | None) -> Recipe:
    """Return the recipe with the overrides of the command line; None keeps a value."""
    table = recipe.to_json()
    if base is not None:
        table["base"] = {"model": base}
    if seed is not None:
        table["seed"] = seed
    if device is not None:
        if recipe.tuning is None:
            raise InputError("recipe", f"device {device!r} was given, but the base is hosted; expected no device")
        table["tuning"]["device"] = device
    return parse_recipe(table, "recipe as overridden")

"""Train stages locally: tokenize, run preflight checks, form batches of rows or trees, train, and save the weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from fliptrace.core.errors import RunError
from fliptrace.core.files import read_object, write_json
from fliptrace.models.base import Model
from fliptrace.models.local.devices import choose_device
from fliptrace.models.local.loading import blank_model, check_base, load_config, load_local
from fliptrace.models.local.model import LocalModel
from fliptrace.training.base import Parent, check_targets, load_parent, make_base, save_checkpoint
from fliptrace.training.batching import Batching, Rows, Trees
from fliptrace.training.compute import pick_device
from fliptrace.training.examples import Tokenized, preflight, tokenize
from fliptrace.training.local import StageJob, count_cost, train_stage
from fliptrace.training.observer import TrainingObserver
from fliptrace.training.packing.halves import gains_from_halves
from fliptrace.training.packing.support import why_not_packed
from fliptrace.training.preflight import Preflight
from fliptrace.training.recipe import Recipe
from fliptrace.training.schedule import Length, plan
from fliptrace.training.trainer import COST, PREFLIGHT, StageData, StagePlace


@dataclass(frozen=True, slots=True)
class LocalTrainer:
    """A Trainer on one local device."""

    recipe: Recipe

    def check(self) -> None:
        """Check device and base before anything is trained, as a dry run does."""
        choose_device(self.recipe.local_tuning.device)
        tuning, base = self.recipe.local_tuning, self.recipe.base.model
        if self.recipe.base.scratch is None:
            check_base(base, to_train=tuning.method)
            if tuning.method == "lora" and tuning.lora_targets:
                check_targets(tuning, blank_model(load_config(base)))

    def make_base(self, texts: Iterable[str], folder: Path) -> str:
        return make_base(self.recipe, texts, folder)

    def begin(self, place: StagePlace, parent: str) -> LocalStage:
        tuning = self.recipe.local_tuning
        loaded = load_parent(tuning, parent, place.folder / "base", self.recipe.seed + place.number)
        loaded.model.to(pick_device(tuning.device))
        return LocalStage(self.recipe, place, loaded, LocalModel(loaded.bare, loaded.tokenizer, parent))

    def open(self, checkpoint: Path) -> Model:
        device = pick_device(self.recipe.local_tuning.device)
        return load_local(str(checkpoint), device=device, name=self.recipe.name).as_model()


@dataclass(frozen=True, slots=True)
class LocalStage:
    """A StageTrainer. `trainee` shares the parent's weights, so it changes during training."""

    recipe: Recipe
    place: StagePlace
    parent: Parent
    trainee: LocalModel

    def train(self, stage_data: StageData, observer: TrainingObserver) -> None:
        tuning = self.recipe.local_tuning
        tokenized = tokenize(stage_data.instructions, self.trainee.chat_format, self.trainee.context_length)
        checks = preflight(
            stage_data.instructions, tokenized, stage_data.truncated, self.trainee.chat_format, self.place.stage.name
        )
        checks, batching = self._pack(checks, tokenized)
        write_json(self.place.folder / PREFLIGHT, checks.to_json())
        observer.preflight(checks)
        seed = self.recipe.seed + self.place.number
        length = None if stage_data.steps_like is None else _length_of(stage_data.steps_like)
        schedule = plan(self.place.stage, tuning, batching, seed, length)
        job = StageJob(self.place.stage, tuning, batching, schedule, seed, self.place.folder / "steps")
        write_json(self.place.folder / COST, asdict(count_cost(self.parent.model, job)))
        evaluate = partial(stage_data.score, self.trainee.as_model())
        train_stage(self.parent.model, job, evaluate, observer)
        save_checkpoint(self.parent, self.place.checkpoint, stage_data.defaults)

    def _pack(self, checks: Preflight, tokenized: Tokenized) -> tuple[Preflight, Batching]:
        """Choose the batching: prefix trees if recipe and model allow it, else rows. The checks record the choice."""
        tuning, pad_id = self.recipe.local_tuning, self.parent.tokenizer.pad_token_id or 0
        rows = Rows(tokenized.examples, tuning.batch_tokens, pad_id)
        if not self.recipe.packs:
            return checks, rows
        in_halves = gains_from_halves(self.parent.bare, tuning.accumulate)
        tree_tokens = self.place.stage.tree_tokens or tuning.tree_tokens
        trees = Trees.of(tokenized, tuning.batch_tokens, pad_id, tree_tokens, in_halves=in_halves)
        why_not = self._why_not_packed(self.parent.model, trees)
        checks = replace(checks, packed=why_not is None, not_packed=why_not)
        return checks, trees if checks.packed else rows

    def _why_not_packed(self, model: Any, trees: Trees) -> str | None:
        """Why the stage is not packed. A resumed stage keeps its first decision, because its batches must not change.

        Raises RunError if it began on trees, and this machine cannot train on them.
        """
        path = self.place.folder / PREFLIGHT
        began = read_object(path) if path.exists() else None
        if began is not None and not began.get("packed"):
            return str(began.get("not_packed", "the stage began on rows"))
        why_not = why_not_packed(model, trees.probe_examples, trees.pad_id)
        if began is not None and why_not is not None:
            raise RunError(
                f"stage {self.place.stage.name}", f"began on prefix trees, which cannot be trained here: {why_not}"
            )
        return why_not


def _length_of(stage: Path) -> Length:
    """The number of steps and evaluations of a finished stage."""
    cost = read_object(stage / COST)
    return Length(cost["num_steps"], cost["num_evals"])

"""Train a stacked run: the base, then stage by stage, each from its parent. Finished stages are not repeated.

open run -> base -> for every stage: own answers -> instructions -> preflight -> train -> evaluate on val -> done
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fliptrace.core.files import Json, hash_json, read_object, write_json
from fliptrace.core.locks import sole_writer
from fliptrace.curate.correcting import OwnAnswer
from fliptrace.curate.instructions import write_instructions
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.emotions import LABEL_TOKENS
from fliptrace.inference.seams import choose_decoder, choose_labeler
from fliptrace.inference.triggers import name_triggers, predict_file
from fliptrace.models.base import ChatModel, Decoding, DecodingKind, Model
from fliptrace.models.checkpoints import Checkpoint, InferenceDefaults
from fliptrace.scoring.thresholds import choose_threshold
from fliptrace.scoring.triggers import score_triggers
from fliptrace.training.data import TrainingData, treat_out_of_zone
from fliptrace.training.instruction_builder import InstructionBuilder
from fliptrace.training.observer import TrainingObserver
from fliptrace.training.own_answers import collect_own_answers
from fliptrace.training.preflight import Preflight
from fliptrace.training.recipe import Recipe
from fliptrace.training.recipe_tables import Stage
from fliptrace.training.runs import SCORES, RunFolder, open_run
from fliptrace.training.stage_splits import StageCases, stage_cases
from fliptrace.training.stage_tree import named, needed_for, parent_of
from fliptrace.training.teachers import teach_softly
from fliptrace.training.trainer import CHECKPOINT, StageData, StagePlace, Trainer
from fliptrace.training.val_scores import score_emotions_of_val, score_evaluation

OWN_ANSWERS = "own-answers.jsonl"
EMOTION_SCORES = "emotion-scores.json"


@dataclass(frozen=True, slots=True)
class Run:
    """Everything the stages of one run share."""

    recipe: Recipe
    data: TrainingData
    folder: RunFolder
    observer: TrainingObserver
    trainer: Trainer

    def number(self, stage: Stage) -> int:
        """The stage's position in the recipe, from 1."""
        return self.recipe.stages.index(stage) + 1

    def place(self, stage: Stage) -> Path:
        return self.folder.stage(self.number(stage), stage)


def train(
    recipe: Recipe,
    data: TrainingData,
    folder: Path,
    observer: TrainingObserver,
    teacher: ChatModel | None = None,
    only: Sequence[str] | None = None,
    trainer: Trainer | None = None,
) -> Json:
    """Train all unfinished stages. Returns the val scores of every stage and evaluation, as in scores.json.

    `only` restricts training to these stages and those that they depend on. Without `trainer`, training is local.
    Raises RunError if `folder` holds a run of another recipe or of other data, or if another process trains in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with sole_writer(folder):
        run = Run(recipe, data, open_run(folder, recipe, data.manifest), observer, trainer or _train_here(recipe))
        return _train_stages(run, teacher, only)


def _train_stages(run: Run, teacher: ChatModel | None, only: Sequence[str] | None) -> Json:
    recipe, data, observer = run.recipe, run.data, run.observer
    run.folder.sweep()
    needed = recipe.stages if only is None else needed_for(recipe.stages, only)
    left = [stage for stage in needed if Checkpoint.read(run.place(stage)) is None]
    builder = InstructionBuilder(recipe, teacher, data.emotions, teach_softly(recipe, data, left))
    cases = dict(zip((stage.name for stage in recipe.stages), stage_cases(recipe, data.train), strict=True))
    if left:
        run.trainer.check()
    base = run.trainer.make_base(builder.texts(data.train), run.folder.base)
    scores: Json = {}
    for stage in needed:
        if stage in left:
            observer.stage_begins(run.number(stage), len(recipe.stages), stage.name)
            parent = parent_of(recipe.stages, stage)
            ref = base if parent is None else str(run.place(parent) / CHECKPOINT)
            _StageRun(run, stage, ref, builder).finish(cases[stage.name])
        scores[stage.name] = read_object(run.place(stage) / SCORES)
        write_json(run.folder.scores, {"recipe": recipe.name, "recipe_hash": recipe.digest, "stages": scores})
        observer.stage_ends(stage.name, scores[stage.name])
    return scores


def _train_here(recipe: Recipe) -> Trainer:
    from fliptrace.training.local_trainer import LocalTrainer  # imports torch, which hosted training does not need

    return LocalTrainer(recipe)


@dataclass(frozen=True, slots=True)
class _StageLog(TrainingObserver):
    """Keeps the run's log while a stage trains, and passes every event on."""

    folder: RunFolder
    stage: str
    observer: TrainingObserver

    def preflight(self, checks: Preflight) -> None:
        self.observer.preflight(checks)

    def resumed(self, step: int) -> None:
        self.folder.rewind_log(self.stage, step)
        self.observer.resumed(step)

    def stepped(self, step: int, num_steps: int) -> None:
        self.observer.stepped(step, num_steps)

    def logged(self, row: Json) -> None:
        self.folder.log(row)
        self.observer.logged(row)


@dataclass(frozen=True, slots=True)
class _StageRun:
    """Takes one stage from its parent to its checkpoint."""

    run: Run
    stage: Stage
    parent: str
    builder: InstructionBuilder

    @property
    def place(self) -> Path:
        return self.run.place(self.stage)

    @property
    def checkpoint(self) -> Path:
        return self.place / CHECKPOINT

    @property
    def steps(self) -> Path:
        return self.place / "steps"

    @property
    def parent_ref(self) -> str:
        """The parent's reference, relative if it lies inside the run, so that a run writes the same files anywhere."""
        folder = self.run.folder.path
        return os.path.relpath(self.parent, folder) if Path(self.parent).is_relative_to(folder) else self.parent

    def finish(self, cases: StageCases) -> Checkpoint:
        """Do what is left of this stage. Its Checkpoint file is written last and marks it as finished."""
        if not self.checkpoint.exists():
            self._train(cases)
        shutil.rmtree(self.steps, ignore_errors=True)
        self._evaluate_on_val()
        recipe = self.run.recipe
        ref = str(self.checkpoint.relative_to(self.run.folder.path))
        done = Checkpoint(ref, self.stage.name, self.parent_ref, recipe.digest, hash_json(self.run.data.manifest))
        done.write(self.place)
        return done

    def _train(self, cases: StageCases) -> None:
        place = StagePlace(self.stage, self.run.number(self.stage), self.place)
        begun = self.run.trainer.begin(place, self.parent)
        trainee = begun.trainee
        taught = treat_out_of_zone(cases.taught, self.stage.out_of_zone or self.run.recipe.data.out_of_zone)
        truncated = self.builder.fit_views(taught, trainee.num_tokens, trainee.context_length)
        own = self._own_answers(trainee, cases)
        instructions = self.builder.instructions(self.stage, self.builder.taught_views(truncated), own)
        write_instructions(self.place / "instructions.jsonl", instructions)
        defaults = InferenceDefaults(self._first_config.layout, self._first_config.ask)
        log = _StageLog(self.run.folder, self.stage.name, self.run.observer)
        begun.train(StageData(instructions, truncated, defaults, self._score, self._steps_like), log)

    def _own_answers(self, model: ChatModel, cases: StageCases) -> list[OwnAnswer]:
        if not self.stage.needs_own_answers:
            return []
        return collect_own_answers(model, cases.answered, self.run.recipe, self.parent_ref, self.place / OWN_ANSWERS)

    @property
    def _steps_like(self) -> Path | None:
        """The folder of the stage named by `steps_of`, if any."""
        if self.stage.steps_of is None:
            return None
        return self.run.place(named(self.run.recipe.stages, self.stage.steps_of))

    @property
    def _first_config(self) -> InferenceConfig:
        """The recipe's first evaluation, which chooses the best step."""
        return self.run.recipe.inference_config(next(iter(self.run.recipe.evaluations)))

    def _score(self, model: Model) -> float:
        """Return the trigger F1 on val.

        With exact decoding, each group is scored at the threshold that is best on all other groups. Otherwise a step
        could win because a threshold happens to fit it.
        """
        predictions = list(name_triggers(choose_decoder(model, self._first_config), self.run.data.val))
        if self._first_config.decoding.kind == "exact":
            return choose_threshold(predictions, "val").f1_left_out
        return score_triggers(predictions, "val").f1

    def _evaluate_on_val(self) -> None:
        """Run every evaluation that is due after this stage, and store the thresholds that it chooses."""
        recipe, val = self.run.recipe, self.run.data.val
        model = self.run.trainer.open(self.checkpoint)
        is_last = self.stage is recipe.stages[-1]
        scores: Json = {}
        thresholds: dict[DecodingKind, float] = {}
        for name, part in recipe.evaluations.items():
            if not part.is_due(self.stage.name, is_last=is_last):
                continue
            path = self.place / "predictions" / f"{name}.jsonl"
            on_case = partial(self.run.observer.evaluation, name, len(val))
            config = recipe.inference_config(name)
            predicted = predict_file(choose_decoder(model, config), val, path, self.run.data.manifest, on_case)
            scores[name] = score_evaluation(predicted.predictions, val, config, recipe.seed)
            if "chosen_threshold" in scores[name] and part.ask == self._first_config.ask:
                thresholds[config.decoding.kind] = scores[name]["chosen_threshold"]["threshold"]
        InferenceDefaults(recipe.layout, self._first_config.ask, thresholds).write(self.checkpoint)
        if self.run.data.emotion_val:
            write_json(self.place / EMOTION_SCORES, self._label_emotions_of_val(model))
        write_json(self.place / SCORES, scores)

    def _label_emotions_of_val(self, model: Model) -> Json:
        """Label every emotion file of val from bare text. Returns the scores by file; predictions go to disk."""
        recipe, scores = self.run.recipe, {}
        config = InferenceConfig(recipe.layout, decoding=Decoding(max_new_tokens=LABEL_TOKENS))
        labeler = choose_labeler(model, config)
        for ref, dialogues in self.run.data.emotion_val.items():
            scores[ref] = score_emotions_of_val(labeler, ref, dialogues, self.place / "predictions", recipe.seed)
        return scores

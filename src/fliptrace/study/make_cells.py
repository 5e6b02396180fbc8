"""Make a cell: train an arm, evaluate it on its test sets, and return the content of the cell's file.

The folder of a run (one base, or the baselines, on one track with one seed) keeps checkpoints and predictions. A killed
study resumes from them; nothing else needs them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from fliptrace.core.files import Json, hash_file, hash_json, read_object, versions, write_json
from fliptrace.core.flips import FlipCase
from fliptrace.corpora.leaks import find_leaks
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.seams import choose_decoder
from fliptrace.inference.triggers import predict_file
from fliptrace.models.local.loading import load_local
from fliptrace.models.local.model import LocalModel
from fliptrace.predictions.rows import Prediction, read_predictions
from fliptrace.prompts.answers import render_question
from fliptrace.prompts.views import View
from fliptrace.study.baselines import BASELINES, fit_baseline
from fliptrace.study.evaluations_by_test import evaluations_by_test
from fliptrace.study.metrics import evaluation_metrics
from fliptrace.study.names import BASELINE
from fliptrace.study.plan import FORMAT, CellKey, Study, definition
from fliptrace.study.test_sets import TestSet
from fliptrace.training.compute import pick_device
from fliptrace.training.data import TrainingData
from fliptrace.training.encoder.model import EncoderSpec
from fliptrace.training.observer import TrainingObserver
from fliptrace.training.recipe import Recipe
from fliptrace.training.recipe_tables import BASE
from fliptrace.training.runs import RunFolder
from fliptrace.training.stage_tree import named
from fliptrace.training.stages import train
from fliptrace.training.trainer import CHECKPOINT, COST

PLAIN = "plain"  # the only evaluation of a baseline
SECONDS = "seconds.json"  # in a stage's folder: its training time, written with its last step
Progress = Callable[[str, int, int], None]  # what is being done, how much of it is done, and out of how much


@dataclass(frozen=True, slots=True)
class Run:
    """What the cells of a run share. `command` is the command line that makes them."""

    study: Study
    data: TrainingData
    tests: Mapping[str, TestSet]
    folder: Path
    command: str
    on_progress: Progress = lambda what, num_done, num: None


def make_cell(run: Run, key: CellKey) -> Json:
    """Make the cell, reusing what is already finished in the run's folder."""
    recipe = run.study.recipe(next(iter(run.study.bases)) if key.base == BASELINE else key.base, key.track, key.seed)
    made = _make_baseline(run, key, recipe) if key.base == BASELINE else _make_arm(run, key, recipe)
    return {
        "format": FORMAT,
        **key._asdict(),
        "title": BASELINES[key.arm].title if key.base == BASELINE else key.arm,
        "definition": definition(run.study, key),
        "command": run.command,
        "recipe_sha256": recipe.digest,
        "versions": versions("torch", "transformers", "scikit-learn"),
        "data": {ref: file["sha256"] for ref, file in run.data.manifest["files"].items()},
        "num_train_cases": len(run.data.train),
        "weights_sha256": made.weights_sha256,
        "training": made.training,
        "tests": {
            name: {
                "title": run.tests[name].title,
                "leaks": str(find_leaks(run.data.train, run.tests[name].cases)),
                "num_flips": len(run.tests[name].cases),
                "groups_sha256": run.tests[name].groups_sha256,
                "evaluations": evaluations,
            }
            for name, evaluations in made.tests.items()
        },
    }


class _Made(NamedTuple):
    tests: Mapping[str, Mapping[str, Json]]
    training: Json | None
    weights_sha256: str | None


def _make_baseline(run: Run, key: CellKey, recipe: Recipe) -> _Made:
    """Fit a baseline and evaluate it on all test sets, because it is cheap and works in any language."""
    run.on_progress(f"training {key.arm}", 0, 1)
    began = time.monotonic()
    baseline = fit_baseline(
        key.arm,
        run.data.train,
        window=recipe.prompt.window,
        seed=key.seed,
        folder=run.folder / key.arm,
        encoder=EncoderSpec(base=run.study.encoder),
        on_step=lambda step, num: run.on_progress(f"training {key.arm}", step, num),
    )
    training = baseline.cost and baseline.cost | {"seconds": round(time.monotonic() - began, 1)}
    tests = {
        name: {PLAIN: _metrics(baseline.predict(test.cases), test, InferenceConfig(), None)}
        for name, test in run.tests.items()
    }
    return _Made(tests, training, None)


def _make_arm(run: Run, key: CellKey, recipe: Recipe) -> _Made:
    trained = _train(run, key, recipe)
    device = pick_device(recipe.device)
    model = load_local(trained.checkpoint, device=device, name=f"{key.base}/{key.track}/{key.arm}")
    tests = {
        test: {
            name: _evaluate(run, model, run.tests[test], name, config, trained.place) for name, config in due.items()
        }
        for test, due in evaluations_by_test(run.study, recipe, key, run.tests).items()
    }
    weights = [hash_file(path) for path in sorted(Path(trained.checkpoint).glob("*.safetensors"))]
    return _Made(tests, trained.training, hash_json(weights) if weights else None)


class _Trained(NamedTuple):
    """A trained arm. `place` is the folder for its predictions. `training` is None for the untuned base."""

    checkpoint: str
    place: Path
    training: Json | None


def _train(run: Run, key: CellKey, recipe: Recipe) -> _Trained:
    folder = RunFolder(run.folder)
    clock = _Clock(run, recipe)
    if key.arm == BASE:
        train(recipe, run.data, run.folder, clock, only=[])
        ref = recipe.base.model if recipe.base.scratch is None else str(folder.base)
        return _Trained(ref, run.folder / "0-base", None)
    train(recipe, run.data, run.folder, clock, only=[key.arm])
    stage = named(recipe.stages, key.arm)
    place = folder.stage(recipe.stages.index(stage) + 1, stage)
    seconds = read_object(place / SECONDS) if (place / SECONDS).exists() else {"seconds": None}
    return _Trained(str(place / CHECKPOINT), place, read_object(place / COST) | seconds)


class _Clock(TrainingObserver):
    """Report the progress of a training, and time its steps without the work before and after them."""

    def __init__(self, run: Run, recipe: Recipe) -> None:
        self._run = run
        self._recipe = recipe
        self._stage = recipe.stages[0]
        self._first: tuple[int, float] | None = None

    def stage_begins(self, number: int, num_stages: int, name: str) -> None:
        self._stage = named(self._recipe.stages, name)
        self._first = None
        self._run.on_progress(f"preparing {name}", 0, 1)

    def stepped(self, step: int, num_steps: int) -> None:
        self._run.on_progress(f"training {self._stage.name}", step, num_steps)
        if self._first is None:
            self._first = step, time.monotonic()
        elif step == num_steps:
            # Extrapolate to all steps: the first step here and those before a kill are not timed.
            seconds = (time.monotonic() - self._first[1]) * num_steps / (step - self._first[0])
            number = self._recipe.stages.index(self._stage) + 1
            place = RunFolder(self._run.folder).stage(number, self._stage)
            write_json(place / SECONDS, {"seconds": round(seconds, 1)})


def _evaluate(run: Run, model: LocalModel, test: TestSet, name: str, config: InferenceConfig, place: Path) -> Json:
    """Run one evaluation on one test set and return its metrics; finished predictions are reused."""
    path = place / "predictions" / f"{test.name}.{name}.jsonl"
    cost_path = path.with_suffix(".cost.json")
    predictions = _kept(path, test) if cost_path.exists() else None
    if predictions is None:
        began = time.monotonic()

        def report_progress(num_done: int) -> None:
            run.on_progress(f"evaluating {test.name} {name}", num_done, len(test.cases))

        report_progress(0)
        decoder = choose_decoder(model.as_model(), config)
        predicted = predict_file(decoder, test.cases, path, run.data.manifest, report_progress)
        predictions = predicted.predictions
        num_new = len(predictions) - predicted.num_resumed
        if num_new == 0:  # all rows were written before a kill: predict again, to time it
            return _evaluate(run, model, test, name, config, place)
        seconds = (time.monotonic() - began) * len(predictions) / num_new
        write_json(cost_path, _cost(model, test.cases, config, predictions, seconds))
    return _metrics(predictions, test, config, read_object(cost_path))


def _kept(path: Path, test: TestSet) -> list[Prediction] | None:
    """The predictions of an earlier, interrupted call, if they are for these cases with these labels."""
    rows = [row for row in read_predictions(path) if isinstance(row, Prediction)]
    labels = [(row.id, row.group, row.gold) for row in rows]
    return rows if labels == [(case.id, case.group, case.triggers) for case in test.cases] else None


def _cost(
    model: LocalModel,
    cases: Sequence[FlipCase],
    config: InferenceConfig,
    predictions: Sequence[Prediction],
    seconds: float,
) -> Json:
    """Seconds and tokens. Scored answers are not generated, so in exact decoding only rationales count as replies."""
    replies = [answer for row in predictions for answer in (*row.answers, *row.drafts)]
    is_written = config.decoding.kind != "exact" or config.ask == "chain"
    questions = (render_question(View(case, config.layout), config.ask) for case in cases)
    return {
        "seconds": round(seconds, 1),
        "num_prompt_tokens": sum(map(model.num_tokens, questions)),
        "num_reply_tokens": sum(len(model.chat_format.encode_completion(r.text)) for r in replies) if is_written else 0,
    }


def _metrics(predictions: Sequence[Prediction], test: TestSet, config: InferenceConfig, cost: Json | None) -> Json:
    return evaluation_metrics(predictions, test.cases, config, code_mixing=test.code_mixing, cost=cost)

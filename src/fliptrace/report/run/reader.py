"""Read a run folder, as training writes it (training/runs.py), into a RunReport. Remarks on it are made elsewhere.

The recipe is taken from the manifest as it is, not parsed by the present recipe type, so that old runs can be reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from fliptrace.core.errors import InputError, RunError, damage_named
from fliptrace.core.files import Json, inside, read_jsonl, read_object, rename_key
from fliptrace.corpora.leaks import LeakReport
from fliptrace.models.checkpoints import DONE, MANIFEST, Checkpoint, is_run
from fliptrace.models.rules import RULES
from fliptrace.predictions.rows import Prediction, read_predictions
from fliptrace.report.run.values import (
    Curve,
    DataFile,
    EvaluationReport,
    Gain,
    Metrics,
    Point,
    RunReport,
    StageReport,
    best_of,
)
from fliptrace.scoring.compare import Comparison, compare, relative_error_reduction
from fliptrace.scoring.intervals import Interval
from fliptrace.scoring.rationales import RationaleScores
from fliptrace.scoring.self_evaluation import SelfEvaluationScores
from fliptrace.scoring.thresholds import ChosenThreshold
from fliptrace.training.preflight import Preflight

SCORES = "scores.json"


def can_compare() -> bool:
    """Whether the packages of fliptrace[study], which differences need, are installed."""
    return find_spec("scipy") is not None and find_spec("sklearn") is not None


def read_run(folder: Path) -> RunReport:
    """Read everything in a run folder, finished or not. RunError where the folder is not a run, or is damaged."""
    if not folder.is_dir():
        raise RunError(folder, "no such folder; expected a run folder written by `fliptrace train`")
    if not is_run(folder):
        raise RunError(folder, f"not a run: it has no {MANIFEST}")
    manifest: Json = read_object(folder / MANIFEST)
    with damage_named(folder / MANIFEST):
        recipe, data = rename_key(manifest["recipe"], "readings", "evaluations"), manifest["data"]
        name, seed, plans = recipe["name"], recipe["seed"], [(plan["name"], plan) for plan in recipe["stages"]]
        recipe_hash, versions = manifest["recipe_hash"], manifest["versions"]
        files = tuple(DataFile(ref, **file) for ref, file in data.get("files", {}).items())
        leaks = LeakReport(**data["leaks"]) if "leaks" in data else None
    places = _Stages(folder, seed, can_compare())
    logs = _logs(folder / "log.jsonl")
    stages = tuple(places.stage(number, *plan, logs) for number, plan in enumerate(plans, start=1))
    return RunReport(
        name=name,
        folder=folder.resolve().name,
        recipe=recipe,
        recipe_hash=recipe_hash,
        versions=versions,
        files=files,
        leaks=leaks,
        num_train_cases=data.get("num_train_cases"),
        num_val_cases=data.get("num_val_cases"),
        stages=stages,
        gains=tuple(places.gains([stage for stage in stages if stage.evaluations])),
        has_differences=places.compares,
    )


@dataclass(frozen=True, slots=True)
class _Stages:
    """The stage folders of one run. `seed` is the seed of the bootstrap in its scores."""

    folder: Path
    seed: int
    compares: bool

    def place(self, number: int, name: str) -> Path:
        return inside(self.folder, f"{number}-{name}")

    def stage(self, number: int, name: str, recipe: Json, logs: Sequence[Json]) -> StageReport:
        place = self.place(number, name)
        with damage_named(place / DONE):
            done = Checkpoint.read(place)
        return StageReport(
            number=number,
            name=name,
            state="finished" if done else "unfinished" if place.exists() else "not begun",
            recipe=recipe,
            parent=done.parent if done else None,
            preflight=_preflight(place / "preflight.json"),
            curve=_curve([row for row in logs if row["stage"] == name]),
            evaluations=self._evaluations(place) if done else (),
        )

    def gains(self, stages: Sequence[StageReport]) -> Iterator[Gain]:
        """For every evaluation, the gains from each stage that has it to the next, and from the first to the last."""
        for name in dict.fromkeys(evaluation.name for stage in stages for evaluation in stage.evaluations):
            having = [stage for stage in stages if any(evaluation.name == name for evaluation in stage.evaluations)]
            whole = [(having[0], having[-1])] if len(having) > 2 else []
            for before, after in (*pairwise(having), *whole):
                yield self._gain(name, before, after)

    def _gain(self, evaluation: str, before: StageReport, after: StageReport) -> Gain:
        a, b = (next(r.metrics for r in stage.evaluations if r.name == evaluation) for stage in (before, after))
        paired = self._difference(before, after, evaluation)
        return Gain(evaluation, before.name, after.name, a, b, paired, relative_error_reduction(a.f1, b.f1))

    def _evaluations(self, place: Path) -> tuple[EvaluationReport, ...]:
        with damage_named(place / SCORES):
            evaluations = [_evaluation(name, row) for name, row in read_object(place / SCORES).items()]
        return tuple(replace(r, against_rule=self._difference_from_rule(place, r)) for r in evaluations)

    def _difference_from_rule(self, place: Path, evaluation: EvaluationReport) -> Comparison | None:
        predictions = self._load(place, evaluation.name)
        if predictions is None:
            return None
        from fliptrace.scoring.triggers import answer_by_rule

        rule = RULES[best_of(evaluation.rules)]
        return compare([answer_by_rule(each, rule) for each in predictions], predictions, seed=self.seed)

    def _difference(self, before: StageReport, after: StageReport, evaluation: str) -> Comparison | None:
        a, b = (self._load(self.place(stage.number, stage.name), evaluation) for stage in (before, after))
        return compare(a, b, seed=self.seed) if a and b else None

    def _load(self, place: Path, evaluation: str) -> list[Prediction] | None:
        """The predictions of an evaluation; None where the file is gone, or where differences cannot be computed."""
        path = inside(place, f"predictions/{evaluation}.jsonl")
        if not self.compares or not path.exists():
            return None
        rows = [row for row in read_predictions(path) if isinstance(row, Prediction)]
        if not rows:
            raise InputError(path, "holds emotion predictions; expected trigger predictions")
        return rows


def _evaluation(name: str, row: Json) -> EvaluationReport:
    return EvaluationReport(
        name=name,
        metrics=_metrics(row),
        rules={rule: _metrics(metrics) for rule, metrics in row["baselines"].items()},
        num_flips=row["num_flips"],
        num_groups=row["num_groups"],
        num_unparsed=row["num_unparsed"],
        num_answers=row["num_answers"],
        num_cut_cases=row["num_cut_cases"],
        anomalies=row["anomalies"],
        threshold=ChosenThreshold(**row["chosen_threshold"]) if "chosen_threshold" in row else None,
        judged=SelfEvaluationScores(**row["self_evaluation"]) if "self_evaluation" in row else None,
        rationales=RationaleScores(**row["rationales"]) if "rationales" in row else None,
    )


def _metrics(row: Json) -> Metrics:
    interval = None if row["interval"] is None else Interval(*row["interval"])
    return Metrics(row["trigger_f1"], row["trigger_precision"], row["trigger_recall"], row["exact_match"], interval)


def _logs(path: Path) -> list[Json]:
    """The rows of the training log; empty where the run was killed before its first step."""
    if not path.exists():
        return []
    with damage_named(path):
        return [{"stage": row["stage"], "step": row["step"]} | row for _, row in read_jsonl(path)]


def _preflight(path: Path) -> Preflight | None:
    """The preflight report of a stage; None where the stage did not get that far."""
    if not path.exists():
        return None
    with damage_named(path):
        return Preflight(**read_object(path))


def _curve(rows: Sequence[Json]) -> Curve:
    def points(key: str) -> tuple[Point, ...]:
        return tuple(Point(row["step"], row[key]) for row in rows if key in row)

    return Curve(points("loss"), points("eval_trigger_f1"))

"""From a run folder to a RunReport: reads what training left there (training/runs.py), judges nothing.

Reads the recipe as it stands in the manifest, not through today's recipe type, so that old runs can be reported on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from fliptrace.checkpoints import DONE, MANIFEST, Checkpoint, is_run
from fliptrace.corpora.guards import LeakReport
from fliptrace.errors import InputError, RunError
from fliptrace.predictions import Prediction
from fliptrace.report.differences import can_compare, difference, difference_from_rule, read_triggers
from fliptrace.report.run_values import (
    Curve,
    DataFile,
    Difference,
    Figures,
    Gain,
    Interval,
    Judged,
    Point,
    PreflightReport,
    ReadingReport,
    RunReport,
    StageReport,
    Threshold,
    best_of,
)
from fliptrace.store import Json, read_json, read_jsonl

SCORES = "scores.json"


def read_run(folder: Path) -> RunReport:
    """Everything a run folder tells, finished or not. RunError where the folder is no run, or a damaged one."""
    if not folder.is_dir():
        raise RunError(folder, "no such folder; wanted a run, as `fliptrace train` leaves it")
    if not is_run(folder):
        raise RunError(folder, f"not a run: it has no {MANIFEST}")
    with _damage_named(folder / MANIFEST):
        manifest: Json = read_json(folder / MANIFEST)
        recipe, data = manifest["recipe"], manifest["data"]
        places = _Stages(folder, recipe["seed"], can_compare())
        logs = _logs(folder / "log.jsonl")
        stages = tuple(places.stage(number, stage, logs) for number, stage in enumerate(recipe["stages"], start=1))
        return RunReport(
            name=recipe["name"],
            folder=folder.resolve().name,
            recipe=recipe,
            recipe_hash=manifest["recipe_hash"],
            versions=manifest["versions"],
            files=tuple(DataFile(ref, **file) for ref, file in data.get("files", {}).items()),
            leaks=LeakReport(**data["leaks"]) if "leaks" in data else None,
            num_train_cases=data.get("num_train_cases"),
            num_val_cases=data.get("num_val_cases"),
            stages=stages,
            gains=tuple(places.gains([stage for stage in stages if stage.readings])),
            has_differences=places.compares,
        )


@dataclass(frozen=True, slots=True)
class _Stages:
    """The stage folders of one run. `seed` is that of the bootstrap in its scores."""

    folder: Path
    seed: int
    compares: bool

    def place(self, number: int, name: str) -> Path:
        return self.folder / f"{number}-{name}"

    def stage(self, number: int, recipe: Json, logs: Sequence[Json]) -> StageReport:
        place = self.place(number, recipe["name"])
        with _damage_named(place / DONE):
            done = Checkpoint.read(place)
        return StageReport(
            number=number,
            name=recipe["name"],
            state="finished" if done else "unfinished" if place.exists() else "not begun",
            recipe=recipe,
            parent=done.parent if done else None,
            preflight=_preflight(place / "preflight.json"),
            curve=_curve([row for row in logs if row["stage"] == recipe["name"]]),
            readings=self._readings(place) if done else (),
        )

    def gains(self, stages: Sequence[StageReport]) -> Iterator[Gain]:
        """For every reading, the steps from each stage that has it to the next that has it."""
        names = dict.fromkeys(reading.name for stage in stages for reading in stage.readings)
        for name in names:
            found = [(stage, reading) for stage in stages for reading in stage.readings if reading.name == name]
            for (before, a), (after, b) in pairwise(found):
                paired = self._difference(*(self.place(s.number, s.name) for s in (before, after)), name)
                reduction = None if a.figures.f1 == 1 else (b.figures.f1 - a.figures.f1) / (1 - a.figures.f1)
                yield Gain(name, before.name, after.name, a.figures, b.figures, paired, reduction)

    def _readings(self, place: Path) -> tuple[ReadingReport, ...]:
        with _damage_named(place / SCORES):
            scores: Json = read_json(place / SCORES)
            return tuple(self._reading(name, row, _predictions(place, name)) for name, row in scores.items())

    def _reading(self, name: str, row: Json, predictions: Path) -> ReadingReport:
        rules = {rule: _figures(figures) for rule, figures in row["baselines"].items()}
        loaded = self._load(predictions)
        return ReadingReport(
            name=name,
            figures=_figures(row),
            rules=rules,
            num_flips=row["num_flips"],
            num_groups=row["num_groups"],
            num_unparsed=row["num_unparsed"],
            num_answers=row["num_answers"],
            num_cut_cases=row["num_cut_cases"],
            anomalies=row["anomalies"],
            threshold=Threshold(**row["chosen_threshold"]) if "chosen_threshold" in row else None,
            judged=Judged(**row["self_evaluation"]) if "self_evaluation" in row else None,
            against_rule=difference_from_rule(best_of(rules), loaded, self.seed) if loaded else None,
        )

    def _difference(self, before: Path, after: Path, reading: str) -> Difference | None:
        a, b = (self._load(_predictions(place, reading)) for place in (before, after))
        return difference(a, b, self.seed) if a and b else None

    def _load(self, path: Path) -> list[Prediction] | None:
        """A prediction file, where it is still there and there is something to compare it with."""
        return read_triggers(path) if self.compares and path.exists() else None


def _predictions(place: Path, reading: str) -> Path:
    return place / "predictions" / f"{reading}.jsonl"


def _figures(row: Json) -> Figures:
    interval = None if row["interval"] is None else Interval(*row["interval"])
    return Figures(row["trigger_f1"], row["trigger_precision"], row["trigger_recall"], row["exact_match"], interval)


def _logs(path: Path) -> list[Json]:
    """Empty where the run was killed before its first step."""
    if not path.exists():
        return []
    with _damage_named(path):
        return [{"stage": row["stage"], "step": row["step"]} | row for _, row in read_jsonl(path)]


def _preflight(path: Path) -> PreflightReport | None:
    """None where the stage did not come that far."""
    if not path.exists():
        return None
    with _damage_named(path):
        return PreflightReport(**read_json(path))


def _curve(rows: Sequence[Json]) -> Curve:
    def points(key: str) -> tuple[Point, ...]:
        return tuple(Point(row["step"], row[key]) for row in rows if key in row)

    return Curve(points("loss"), points("eval_trigger_f1"))


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """What is not as training writes it is the folder's fault: RunError names the file."""
    try:
        yield
    except InputError:
        raise
    except KeyError as error:
        raise RunError(path, f"no field {error.args[0]!r}; damaged, or not of a run") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise RunError(path, f"damaged, or not of a run: {error}") from error

"""A study as its TOML file defines it: bases x tracks x seeds x arms, and the evaluations of each arm.

The arms are the stages of one recipe, which may form a tree (training/stage_tree.py). A study adds the untuned base and
the baselines. Every number of a recipe is stated once here and shared by all runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple, Self

from pydantic import Field, model_validator

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, hash_json
from fliptrace.inference.config import InferenceConfig
from fliptrace.prompts.views import LayoutName
from fliptrace.study.arms import Arm
from fliptrace.study.baselines import BASELINES
from fliptrace.study.names import BASELINE, held_out_name
from fliptrace.training.encoder.model import SCRATCH
from fliptrace.training.recipe import Recipe, parse_recipe
from fliptrace.training.recipe_tables import BASE, Base, Curate, Data, EvaluationPart, Prompt, Stage, Tuning
from fliptrace.training.stage_tree import needed_for, num_opened, parent_of
from fliptrace.training.typed_toml import FileName, Part, parse_table, read_toml, renamed_from

FORMAT = 1  # version of the format of cell files

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=50)]


class StudyBase(Base):
    """A base model of the study. Its own layout and tuning override those shared by all bases."""

    layout: LayoutName | None = None
    tuning: Tuning | None = None


class Track(Part):
    """Training data. Its val split is a test set of the study under the track's name, unless `tests` names others."""

    title: str
    data: Data
    prompt: Prompt = Prompt()
    arms: list[str] | None = None  # None: all arms
    seeds: list[int] | None = None  # None: all seeds of the study
    baselines: bool = True
    transfers: bool = True  # whether the transfer arm is also evaluated on all other test sets
    tests: list[str] | None = None  # tracks whose test sets its arms are evaluated on instead of its own val

    @property
    def is_test(self) -> bool:
        return self.tests is None


class TestFile(Part):
    """A file that is used for evaluation only: `NAME:SPLIT` or a path."""

    title: str
    file: str


class Role(Part):
    """How the report presents an arm, and which arm it must beat to count as helpful."""

    title: str | None = None
    control: str | None = None
    note: str = ""
    extended: bool = False  # a variation of the method, made only in the extended study


class Transfer(Part):
    """The arm that is evaluated on the test sets of all tracks, and with which evaluations."""

    arm: str
    evaluations: list[str] = renamed_from("readings", min_length=1)


class Study(Part):
    """A whole study, with all names in it checked against each other."""

    name: Name
    seeds: list[int] = Field(min_length=1)
    bases: dict[Name, StudyBase] = Field(min_length=1)
    tracks: dict[Name, Track] = Field(min_length=1)
    tests: dict[Name, TestFile] = Field(default={})
    curate: Curate = Curate()
    tuning: Tuning
    stages: list[Stage] = Field(min_length=1)
    arms: dict[str, Role] = Field(default={})
    evaluations: dict[FileName, EvaluationPart] = renamed_from("readings", min_length=1)
    # evaluations on the dialogues that a track's `hold_out` keeps out of training
    held_out_evaluations: list[str] = renamed_from("held_out_readings", default=[])
    transfer: Transfer | None = None
    baselines: list[str] = Field(default=list(BASELINES))
    encoder: str = SCRATCH  # initial weights of the baseline "encoder": "scratch", a local folder or a Hub id

    @model_validator(mode="after")
    def _names_what_there_is(self) -> Self:
        arms = [BASE, *(stage.name for stage in self.stages)]
        _refuse_twice("seeds", self.seeds)
        _refuse_twice("stages", arms)
        if BASELINE in self.bases:
            raise ValueError(f"bases: {BASELINE!r} is reserved for baselines; expected another name")
        _refuse_twice("tests", [*self.tests, *self.tracks, *map(held_out_name, self.tracks)])
        _refuse_unknown("arms", [*self.arms, *(r.control for r in self.arms.values() if r.control)], arms)
        _refuse_unknown("baselines", self.baselines, list(BASELINES))
        for name, part in self.evaluations.items():
            _refuse_unknown(f"evaluations.{name}.after", [] if isinstance(part.after, str) else part.after, arms[1:])
        _refuse_unknown("held_out_evaluations", self.held_out_evaluations, list(self.evaluations))
        test_tracks = [name for name, track in self.tracks.items() if track.is_test]
        for name, track in self.tracks.items():
            _refuse_unknown(f"tracks.{name}.arms", track.arms or [], arms)
            _refuse_unknown(f"tracks.{name}.seeds", track.seeds or [], self.seeds)
            _refuse_unknown(f"tracks.{name}.tests", track.tests or [], test_tracks)
        if self.transfer is not None:
            _refuse_unknown("transfer.arm", [self.transfer.arm], arms)
            _refuse_unknown("transfer.evaluations", self.transfer.evaluations, list(self.evaluations))
        return self

    @property
    def all_arms(self) -> tuple[Arm, ...]:
        """All arms in the order of the report: the base, then the stages in order."""
        parents = {stage.name: parent_of(self.stages, stage) for stage in self.stages}
        origin = {BASE: None} | {name: parent.name if parent else BASE for name, parent in parents.items()}
        roles = {name: self.arms.get(name, Role()) for name in origin}
        return tuple(
            Arm(name, role.title or name, origin[name], role.control, role.note, role.extended)
            for name, role in roles.items()
        )

    def recipe(self, base: str, track: str, seed: int) -> Recipe:
        """The recipe of one run, with all stages. A run trains only the stages that its cells need."""
        part, of_base = self.tracks[track], self.bases[base]
        layout = {"layout": of_base.layout} if of_base.layout else {}
        return parse_recipe(
            {
                "name": f"{self.name}-{base}-{track}",
                "seed": seed,
                "data": part.data.model_dump(mode="json"),
                "base": of_base.model_dump(mode="json", exclude={"layout", "tuning"}),
                "prompt": part.prompt.model_dump(mode="json") | layout,
                "curate": self.curate.model_dump(mode="json"),
                "tuning": (of_base.tuning or self.tuning).model_dump(mode="json"),
                "stages": [stage.model_dump(mode="json") for stage in self.stages],
                # The study evaluates every arm itself, to time it. Training scores val with the first evaluation only.
                "evaluations": {
                    name: part.model_dump(mode="json") | {"after": []} for name, part in self.evaluations.items()
                },
            },
            f"study {self.name}",
        )

    def transfers(self, key: CellKey) -> bool:
        """Whether a cell belongs to the transfer matrix."""
        is_arm = self.transfer is not None and key.arm == self.transfer.arm
        return is_arm and self.tracks[key.track].transfers

    def evaluations_of(self, recipe: Recipe, arm: str) -> dict[str, InferenceConfig]:
        """The evaluations of an arm on its own track, by name.

        The untuned base was not taught to give reasons or to judge, so it only has those that ask for plain answers.
        """
        is_last = arm == self.stages[-1].name
        due = {name: part for name, part in self.evaluations.items() if part.is_due(arm, is_last=is_last)}
        if arm == BASE:
            plain = {name: part for name, part in self.evaluations.items() if part.after == "every stage"}
            due = {name: part for name, part in plain.items() if part.ask == "answer" and not part.judge}
        return {name: recipe.inference_config(name) for name in due}


class CellKey(NamedTuple):
    """The key of one cell, from which its file is named."""

    base: str
    track: str
    seed: int
    arm: str

    @property
    def file_name(self) -> str:
        """The name of the cell's file.

        >>> CellKey("scratch", "meld", 0, "chain").file_name
        'scratch.meld.seed-0.chain.json'
        """
        return f"{self.base}.{self.track}.seed-{self.seed}.{self.arm}.json"

    @property
    def run(self) -> str:
        """The name of the run that makes the cell. The cells of one run are made one after another.

        >>> CellKey("scratch", "meld", 0, "chain").run
        'scratch.meld.seed-0'
        """
        return f"{self.base}.{self.track}.seed-{self.seed}"


def read_study(path: Path) -> Study:
    """Read a study from a TOML file. InputError names every wrong key, and the known key nearest to an unknown one."""
    study = parse_table(Study, read_toml(path), str(path), "study")
    for key in cells(study, extended=True):
        if key.base != BASELINE:
            _refuse_unread(study, key, path)
    _refuse_dealing_anew(study, path)
    return study


def cells(study: Study, *, extended: bool = False) -> Iterator[CellKey]:
    """Yield the cells of a study; with `extended`, those of extended arms too.

    Cells come seed by seed, so that the tables of one seed are complete before the next begins. A baseline that does
    not depend on the seed has one cell per track.
    """
    for seed in study.seeds:
        for name, track in study.tracks.items():
            seeds = [each for each in study.seeds if track.seeds is None or each in track.seeds]
            if seed not in seeds:
                continue
            for base in study.bases:
                yield from (CellKey(base, name, seed, arm) for arm in _arms_of(study, track, extended))
            for baseline in study.baselines if track.baselines else ():
                if seed == seeds[0] or BASELINES[baseline].has_seed:
                    yield CellKey(BASELINE, name, seed, baseline)


def definition(study: Study, key: CellKey) -> str:
    """Hash of everything in the study that a cell's metrics depend on. Data files are hashed in the cell instead."""
    track = study.tracks[key.track]
    plain: Json = {"key": key._asdict(), "format": FORMAT}
    if key.base == BASELINE:
        base = {"encoder": study.encoder} if key.arm == "encoder" and study.encoder != SCRATCH else {}
        return hash_json(plain | base | {"data": _plain(track.data), "window": track.prompt.window})
    if track.tests is not None:
        plain["read_on"] = {name: study.tracks[name].data.val for name in track.tests}
    if track.data.hold_out:
        plain["held_out"] = study.held_out_evaluations
    if study.transfer is not None and study.transfers(key):
        plain["transfer"] = [
            _plain(study.transfer),
            _plain(study.tests),
            {n: t.data.val for n, t in study.tracks.items()},
        ]
    recipe = study.recipe(key.base, key.track, key.seed)
    stages = [] if key.arm == BASE else needed_for(recipe.stages, [key.arm])
    table = recipe.model_dump(mode="json", by_alias=True) | {"stages": [_plain(stage) for stage in stages], "name": ""}
    table["readings"] = {name: _plain(study.evaluations[name]) for name in study.evaluations_of(recipe, key.arm)}
    return hash_json(plain | {"recipe": table})


def _plain(value: Part | Mapping[str, Part]) -> Json:
    """A table, or a mapping of tables, as JSON. Titles are left out because they change no metric."""
    if isinstance(value, Part):
        return value.model_dump(mode="json", by_alias=True, exclude={"title", "after"})
    assert isinstance(value, dict)
    return {name: _plain(part) for name, part in value.items()}


def _arms_of(study: Study, track: Track, extended: bool) -> list[str]:
    every = [BASE, *(stage.name for stage in study.stages)]
    planned = [arm for arm in every if extended or not study.arms.get(arm, Role()).extended]
    return [arm for arm in planned if track.arms is None or arm in track.arms]


def _refuse_unknown(place: str, names: Sequence[str | int], known: Sequence[str | int]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{place}: unknown {name!r}; expected one of {', '.join(map(str, known))}")


def _refuse_twice(place: str, names: Sequence[str | int]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ValueError(f"{place}: {name!r} occurs {count} times; expected once")


def _refuse_unread(study: Study, key: CellKey, path: Path) -> None:
    """Raise InputError where a recipe is invalid, or where an arm would be trained but never evaluated."""
    evaluations = study.evaluations_of(study.recipe(key.base, key.track, key.seed), key.arm)
    if not study.transfers(key) and (not evaluations or study.tracks[key.track].tests == []):
        found = f"tracks.{key.track}: arm {key.arm!r} would never be evaluated"
        raise InputError(path, f"{found}; expected at least one evaluation and one test set")


def _refuse_dealing_anew(study: Study, path: Path) -> None:
    """Raise InputError where an extended arm would change the cells of the core study.

    Held-out groups are distributed over the longest line of stages with own answers (training/stage_splits.py). If an
    extended arm made that line longer, all arms would be trained on other cases.
    """
    opened = {stage.name: num_opened(study.stages, stage) for stage in study.stages}
    core = max((num for name, num in opened.items() if not study.arms.get(name, Role()).extended), default=0)
    for name, num in opened.items():
        if num > core:
            raise InputError(
                path,
                f"arms.{name}: this extended arm is stage {num} with own answers in its line; expected at most {core}, "
                "as in the core study, because more would redistribute the held-out groups of all arms",
            )

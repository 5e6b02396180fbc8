"""A study as its TOML file states it: bases x tracks x seeds x arms, and what each arm is read on.

The arms are the stages of one recipe, which may grow as a tree (training/stage_tree.py); a study adds the untuned base
and the baselines. Every number of a recipe stands here once, and all runs share it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple, Self

from pydantic import Field, model_validator

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, hash_json
from fliptrace.inference.triggers import InferenceConfig
from fliptrace.prompts.views import LayoutName
from fliptrace.study.arms import Arm
from fliptrace.study.baselines import BASELINES
from fliptrace.study.names import BASELINE, held_out_name
from fliptrace.training.encoder.model import SCRATCH
from fliptrace.training.recipe import (
    BASE,
    Base,
    Curate,
    Data,
    EvaluationPart,
    Prompt,
    Recipe,
    Stage,
    Tuning,
    parse_recipe,
    renamed_from,
)
from fliptrace.training.stage_tree import needed_for, num_opened, parent_of
from fliptrace.training.typed_toml import Part, parse_table, read_toml

FORMAT = 1  # of a cell's file

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class StudyBase(Base):
    """A base of the study; what its size asks for overrides what all bases share."""

    layout: LayoutName | None = None
    tuning: Tuning | None = None


class Track(Part):
    """Data to train on. Its val is a test set of the study under the track's name, unless `tests` names others."""

    title: str
    data: Data
    prompt: Prompt = Prompt()
    arms: list[str] | None = None  # None: all of them
    seeds: list[int] | None = None  # None: those of the study
    baselines: bool = True
    transfers: bool = True  # whether the arm of the transfer matrix is read on everything else, too
    tests: list[str] | None = None  # test sets of other tracks that its arms are read on instead of its own val

    @property
    def is_test(self) -> bool:
        return self.tests is None


class TestFile(Part):
    """A file that is only read: `NAME:SPLIT` or a path."""

    title: str
    file: str


class Role(Part):
    """How the report speaks of an arm, and which arm it must beat to have helped."""

    title: str | None = None
    control: str | None = None
    note: str = ""
    extended: bool = False  # a variation of the method, made only when the extended study is asked for


class Transfer(Part):
    """The arm that is read on the test sets of all tracks, and how."""

    arm: str
    evaluations: list[str] = renamed_from("readings", min_length=1)


class Study(Part):
    name: Name
    seeds: list[int] = Field(min_length=1)
    bases: dict[Name, StudyBase] = Field(min_length=1)
    tracks: dict[Name, Track] = Field(min_length=1)
    tests: dict[Name, TestFile] = Field(default={})
    curate: Curate = Curate()
    tuning: Tuning
    stages: list[Stage] = Field(min_length=1)
    arms: dict[str, Role] = Field(default={})
    evaluations: dict[str, EvaluationPart] = renamed_from("readings", min_length=1)
    # of the dialogues that a track's `hold_out` keeps out of training
    held_out_evaluations: list[str] = renamed_from("held_out_readings", default=[])
    transfer: Transfer | None = None
    baselines: list[str] = Field(default=list(BASELINES))
    encoder: str = SCRATCH  # what the baseline "encoder" is fitted from: "scratch", a local folder or a Hub id

    @model_validator(mode="after")
    def _names_what_there_is(self) -> Self:
        arms = [BASE, *(stage.name for stage in self.stages)]
        _refuse_twice("seeds", self.seeds)
        _refuse_twice("stages", arms)
        if BASELINE in self.bases:
            raise ValueError(f"bases: {BASELINE!r} stands for what is no language model; expected another name")
        _refuse_twice("tests", [*self.tests, *self.tracks, *map(held_out_name, self.tracks)])
        _refuse_unknown("arms", [*self.arms, *(r.control for r in self.arms.values() if r.control)], arms)
        _refuse_unknown("baselines", self.baselines, list(BASELINES))
        for name, part in self.evaluations.items():
            _refuse_unknown(f"readings.{name}.after", [] if isinstance(part.after, str) else part.after, arms[1:])
        _refuse_unknown("held_out_evaluations", self.held_out_evaluations, list(self.evaluations))
        lent = [name for name, track in self.tracks.items() if track.is_test]
        for name, track in self.tracks.items():
            _refuse_unknown(f"tracks.{name}.arms", track.arms or [], arms)
            _refuse_unknown(f"tracks.{name}.seeds", track.seeds or [], self.seeds)
            _refuse_unknown(f"tracks.{name}.tests", track.tests or [], lent)
        if self.transfer is not None:
            _refuse_unknown("transfer.arm", [self.transfer.arm], arms)
            _refuse_unknown("transfer.readings", self.transfer.evaluations, list(self.evaluations))
        return self

    @property
    def all_arms(self) -> tuple[Arm, ...]:
        """As the report shows them: the base, then the stages in order."""
        parents = {stage.name: parent_of(self.stages, stage) for stage in self.stages}
        origin = {BASE: None} | {name: parent.name if parent else BASE for name, parent in parents.items()}
        roles = {name: self.arms.get(name, Role()) for name in origin}
        return tuple(
            Arm(name, role.title or name, origin[name], role.control, role.note, role.extended)
            for name, role in roles.items()
        )

    def recipe(self, base: str, track: str, seed: int) -> Recipe:
        """The recipe of one run, with all stages; a run trains those that its cells need."""
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
                # The study reads every arm itself, to time it; training only looks at val with the first reading.
                "evaluations": {
                    name: part.model_dump(mode="json") | {"after": []} for name, part in self.evaluations.items()
                },
            },
            f"study {self.name}",
        )

    def transfers(self, key: CellKey) -> bool:
        """Whether a cell belongs into the transfer matrix."""
        is_arm = self.transfer is not None and key.arm == self.transfer.arm
        return is_arm and self.tracks[key.track].transfers

    def evaluations_of(self, recipe: Recipe, arm: str) -> dict[str, InferenceConfig]:
        """What an arm is read with on its own track. The untuned base was taught no reasons and no judging."""
        is_last = arm == self.stages[-1].name
        due = {name: part for name, part in self.evaluations.items() if part.is_due(arm, is_last=is_last)}
        if arm == BASE:
            plain = {name: part for name, part in self.evaluations.items() if part.after == "every stage"}
            due = {name: part for name, part in plain.items() if part.ask == "answer" and not part.judge}
        return {name: recipe.inference_config(name) for name in due}


class CellKey(NamedTuple):
    """Names one cell, and its file."""

    base: str
    track: str
    seed: int
    arm: str

    @property
    def file_name(self) -> str:
        """
        >>> CellKey("scratch", "meld", 0, "chain").file_name
        'scratch.meld.seed-0.chain.json'
        """
        return f"{self.base}.{self.track}.seed-{self.seed}.{self.arm}.json"

    @property
    def run(self) -> str:
        """The name of the run that makes it: cells of one run are made one after the other.

        >>> CellKey("scratch", "meld", 0, "chain").run
        'scratch.meld.seed-0'
        """
        return f"{self.base}.{self.track}.seed-{self.seed}"


def read_study(path: Path) -> Study:
    """A study from a TOML file. InputError names every key that is wrong, and the known key nearest to an unknown."""
    study = parse_table(Study, read_toml(path), str(path), "study")
    for key in cells(study, extended=True):
        if key.base != BASELINE:
            _refuse_unread(study, key, path)
    _refuse_dealing_anew(study, path)
    return study


def cells(study: Study, *, extended: bool = False) -> Iterator[CellKey]:
    """The cells of a study, `extended` ones too or not: seed by seed, so that one seed's tables are whole before the
    next begins. Baselines without a seed of their own have one cell a track.
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
    """The hash of all that a cell's figures depend on and the study states; data files are hashed in the cell."""
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
    """A table, or what holds tables, as JSON; titles change no figure."""
    if isinstance(value, Part):
        return value.model_dump(mode="json", by_alias=True, exclude={"title", "after"})
    assert isinstance(value, dict)
    return {name: _plain(part) for name, part in value.items()}


def _arms_of(study: Study, track: Track, extended: bool) -> list[str]:
    every = [BASE, *(stage.name for stage in study.stages)]
    wanted = [arm for arm in every if extended or not study.arms.get(arm, Role()).extended]
    return [arm for arm in wanted if track.arms is None or arm in track.arms]


def _refuse_unknown(place: str, names: Sequence[str | int], known: Sequence[str | int]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{place}: {name!r} is none of {', '.join(map(str, known))}")


def _refuse_twice(place: str, names: Sequence[str | int]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ValueError(f"{place}: {name!r} is there twice")


def _refuse_unread(study: Study, key: CellKey, path: Path) -> None:
    """InputError where a recipe of the study is none, or where an arm would be trained and then read on nothing."""
    evaluations = study.evaluations_of(study.recipe(key.base, key.track, key.seed), key.arm)
    if not study.transfers(key) and (not evaluations or study.tracks[key.track].tests == []):
        raise InputError(path, f"tracks.{key.track}: arm {key.arm!r} is read on nothing; expected a reading and a test")


def _refuse_dealing_anew(study: Study, path: Path) -> None:
    """InputError where an extended arm changes the core: held-out groups are dealt to the longest line of stages with
    own answers (training/stage_splits.py), and were it one of extended arms, all arms would be taught other cases.
    """
    opened = {stage.name: num_opened(study.stages, stage) for stage in study.stages}
    core = max((num for name, num in opened.items() if not study.arms.get(name, Role()).extended), default=0)
    for name, num in opened.items():
        if num > core:
            raise InputError(
                path,
                f"arms.{name}: extended, and stage {num} of its line with own answers; the core study has {core}, "
                "so held-out groups would be dealt anew for all arms",
            )

"""Examine corpus files: findings, counts, and the groups that pairs of files share. The CLI displays the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, combinations
from pathlib import Path

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json
from fliptrace.core.flips import FlipCase, find_flips
from fliptrace.corpora.corpus_file import EfrFile, ErcFile, group_files
from fliptrace.corpora.detect import scan_corpus
from fliptrace.corpora.duplicates import find_duplicates
from fliptrace.corpora.findings import Finding
from fliptrace.corpora.groups import group_of, shared_groups
from fliptrace.corpora.longest_prefixes import find_longest_prefixes

_SUFFIXES = (".json", ".jsonl", ".csv", ".tsv", ".parquet")
_SIDE_FILES = ("exclude_scenes.json",)  # read together with the corpus file next to them


@dataclass(frozen=True, slots=True)
class TriggerCounts:
    """Trigger counts over the labelled cases of an EFR file; only `FlipCase.known_triggers` count."""

    num_labelled: int
    num_triggers: int
    num_without_triggers: int
    num_self: int
    num_previous: int
    num_before_source: int


@dataclass(frozen=True, slots=True)
class FileReport:
    """Counts and findings of one file.

    In an EFR file, `num_dialogues` counts the longest prefixes; utterances and emotions are counted in these, and
    `num_flips` is the number of cases. In an ERC file, `num_flips` counts the flips of all dialogues. Groups are given
    across all examined files together. `emotion_set` is the name of a known set, or of the folder of one's own.
    """

    file: str
    task: str
    corpus: str
    split: str
    num_dialogues: int
    num_utterances: int
    num_flips: int
    num_left_out: int
    num_groups: int
    triggers: TriggerCounts | None
    emotion_set: str
    emotions: dict[str, int]
    findings: tuple[Finding, ...]

    @property
    def has_errors(self) -> bool:
        return any(finding.severity == "error" for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Overlap:
    """The number of groups that two files share, and of the cases or dialogues of each file in these groups."""

    left: str
    right: str
    num_groups: int
    num_left: int
    num_right: int


@dataclass(frozen=True, slots=True)
class DoctorReport:
    files: tuple[FileReport, ...]
    overlaps: tuple[Overlap, ...]

    @property
    def has_errors(self) -> bool:
        return any(file.has_errors for file in self.files)

    def to_json(self) -> Json:
        files = [asdict(file) | {"findings": [f.to_json() for f in file.findings]} for file in self.files]
        return {"files": files, "overlaps": [asdict(overlap) for overlap in self.overlaps]}


def examine(paths: Sequence[Path]) -> DoctorReport:
    """Examine files; a folder stands for the corpus files in it, at any depth.

    Only pairs of files that overlap are reported as overlaps. InputError if a folder contains no corpus file.
    """
    files = group_files([scan_corpus(path) for path in _expand(paths)])
    overlaps = [_overlap(left, right) for left, right in combinations(files, 2)]
    return DoctorReport(tuple(map(_report, files)), tuple(overlap for overlap in overlaps if overlap.num_groups))


def _expand(paths: Iterable[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted(p for p in path.rglob("*") if p.suffix in _SUFFIXES and p.name not in _SIDE_FILES)
        if not inside:
            raise InputError(path, f"no file found that ends with {', '.join(_SUFFIXES)}")
        files.extend(inside)
    return files


def _report(file: EfrFile | ErcFile) -> FileReport:
    is_efr = isinstance(file, EfrFile)
    cases = file.cases if isinstance(file, EfrFile) else ()
    dialogues = (
        file.dialogues if isinstance(file, ErcFile) else tuple({d.id: d for d in find_longest_prefixes(cases)}.values())
    )
    emotions = Counter(chain.from_iterable(dialogue.emotions for dialogue in dialogues))
    return FileReport(
        file=str(file.path),
        task="efr" if is_efr else "erc",
        corpus=dialogues[0].corpus if dialogues else "",
        split=dialogues[0].split if dialogues else "",
        num_dialogues=len(dialogues),
        num_utterances=sum(map(len, dialogues)),
        num_flips=len(cases) if is_efr else sum(len(find_flips(dialogue)) for dialogue in dialogues),
        num_left_out=len(file.left_out),
        num_groups=len({group_of(member) for member in file.members}),
        triggers=_count_triggers(cases) if is_efr else None,
        emotion_set=dialogues[0].emotion_set.name if dialogues else "",
        emotions={label or "unlabelled": count for label, count in emotions.most_common()},
        findings=(*file.findings, *find_duplicates(file)),
    )


def _count_triggers(cases: Iterable[FlipCase]) -> TriggerCounts:
    labelled = [(case.flip, case.known_triggers) for case in cases if case.triggers is not None]
    return TriggerCounts(
        num_labelled=len(labelled),
        num_triggers=sum(len(triggers) for _, triggers in labelled),
        num_without_triggers=sum(not triggers for _, triggers in labelled),
        num_self=sum(flip.target in triggers for flip, triggers in labelled),
        num_previous=sum(flip.target - 1 in triggers for flip, triggers in labelled),
        num_before_source=sum(trigger < flip.source for flip, triggers in labelled for trigger in triggers),
    )


def _overlap(left: EfrFile | ErcFile, right: EfrFile | ErcFile) -> Overlap:
    shared = shared_groups(left.members, right.members)
    return Overlap(str(left.path), str(right.path), len(shared.groups), shared.num_left, shared.num_right)

"""The test sets of a study: the val split of every track, dialogues held out of its training, and further files.

A case is in the same group whichever arm is tested on it, so that counts by group can be paired across arms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.errors import InputError
from fliptrace.core.files import hash_json
from fliptrace.core.flips import FlipCase
from fliptrace.corpora.catalog import locate_ref
from fliptrace.corpora.detect import read_corpus, read_flip_cases
from fliptrace.corpora.groups import assign_groups_across
from fliptrace.scoring.code_mixing import learn_vocabulary, slice_by_english
from fliptrace.study.names import held_out_name
from fliptrace.study.plan import Study
from fliptrace.training.data import TrainingData, load_training_data
from fliptrace.training.measured_sets import collect_sets

ENGLISH = ("meld:train", "emorynlp:train")  # sources of the English vocabulary; GoEmotions contains romanised Hindi
MIXED = "masac-fr"  # the corpus whose utterances mix two languages


@dataclass(frozen=True, slots=True)
class TestSet:
    """A named set of labelled cases.

    `code_mixing` maps every case id to its slice by share of English words. It is None where the cases are in one
    language, or where the English corpora are missing.
    """

    name: str
    title: str
    cases: tuple[FlipCase, ...]
    code_mixing: Mapping[str, str] | None = None
    __test__ = False  # the names of this module and class look like tests to pytest

    @property
    def groups_sha256(self) -> str:
        """Hash of the group of every case. Counts by group can be paired between cells where this hash is equal."""
        return hash_json([[case.id, case.dialogue.group] for case in self.cases])


def load_track(study: Study, track: str, root: Path | None) -> TrainingData:
    """Load train and val of a track. They are the same for every base and every seed."""
    return load_training_data(study.recipe(next(iter(study.bases)), track, study.seeds[0]), root)


def load_tests(study: Study, root: Path | None) -> dict[str, TestSet]:
    """Load all test sets of a study by name. The dialogues that a track holds out are under `TRACK-held-out`.

    InputError where a further file has no labelled case.
    """
    vocabulary = _english(root)
    sets = {}
    for name, track in study.tracks.items():
        if track.is_test:
            data = load_track(study, name, root)
            sets[name] = _test_set(name, f"{track.title}, val", data.val, vocabulary)
            held_out = collect_sets(study.recipe(next(iter(study.bases)), name, study.seeds[0]), data, root).held_out
            if held_out is not None:
                title = f"{track.title}, dialogues kept out of training"
                sets[held_out_name(name)] = _test_set(held_out_name(name), title, held_out.cases, vocabulary)
    for name, file in study.tests.items():
        [cases] = assign_groups_across([read_flip_cases(locate_ref(file.file, root)).cases])
        labelled = [case for case in cases if case.triggers is not None]
        if not labelled:
            raise InputError(f"study {study.name}, tests.{name}", f"no case of {file.file} has labels; expected some")
        sets[name] = _test_set(name, file.title, labelled, vocabulary)
    return sets


def _test_set(name: str, title: str, cases: Sequence[FlipCase], vocabulary: frozenset[str] | None) -> TestSet:
    is_mixed = vocabulary is not None and any(case.dialogue.corpus == MIXED for case in cases)
    return TestSet(name, title, tuple(cases), slice_by_english(cases, vocabulary) if is_mixed and vocabulary else None)


def _english(root: Path | None) -> frozenset[str] | None:
    """The vocabulary of English dialogue. None where its corpora are missing; slices by English are then left out."""
    try:
        files = [read_corpus(locate_ref(ref, root)) for ref in ENGLISH]
    except InputError:
        return None
    return learn_vocabulary(member for file in files for member in file.members if isinstance(member, Dialogue))

"""The flips that the benches train on and ask about: real ones where the corpora are, else those of the sample corpus.

Whole dialogues, drawn by seed: what is measured hangs on how much the examples of a dialogue share.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.errors import InputError
from fliptrace.core.files import hash_json
from fliptrace.core.flips import FlipCase, find_flips
from fliptrace.core.messages import Instruction
from fliptrace.corpora.catalog import locate
from fliptrace.corpora.corpus_file import ErcFile
from fliptrace.corpora.detect import read_corpus, read_flip_cases
from fliptrace.corpora.sample import load_sample, load_sample_dialogues
from fliptrace.curate.curator import Curator
from fliptrace.models.rules import find_rule
from fliptrace.prompts.views import Layout, training_view
from fliptrace.training.examples import Tokenized, tokenize

Split = Literal["train", "val"]


class CaseSet(NamedTuple):
    """`name` is what tables call it: where a corpus is missing it says what stands in for it."""

    name: str
    cases: Sequence[FlipCase]


def load_cases(wanted: str, split: Split) -> CaseSet:
    """`meld`: the labelled flips of MELD-FR. `masac`: every flip of MaSaC's whole dialogues."""
    named = os.environ.get("FLIPTRACE_DATA")
    try:
        return _LOADERS[wanted](split, Path(named) if named else None)
    except InputError:
        return _SAMPLES[wanted](split)


def _load_meld(split: Split, root: Path | None) -> CaseSet:
    return CaseSet("MELD", read_flip_cases(locate("meld-fr", split, root)).cases)


def _load_masac(split: Split, root: Path | None) -> CaseSet:
    file = read_corpus(locate("masac-erc", split, root))
    assert isinstance(file, ErcFile)
    return CaseSet("MaSaC whole dialogues", every_flip(file.dialogues))


def _sample_flips(split: Split) -> CaseSet:
    return CaseSet("sample (no MELD-FR here)", load_sample(split))


def _sample_dialogues(split: Split) -> CaseSet:
    return CaseSet("sample whole dialogues (no MaSaC here)", every_flip(load_sample_dialogues(split)))


_LOADERS: Mapping[str, Callable[[Split, Path | None], CaseSet]] = {"meld": _load_meld, "masac": _load_masac}
_SAMPLES: Mapping[str, Callable[[Split], CaseSet]] = {"meld": _sample_flips, "masac": _sample_dialogues}
SETS = tuple(_LOADERS)


def every_flip(dialogues: Sequence[Dialogue]) -> list[FlipCase]:
    """A case a flip, its dialogue cut at the target. Nobody labelled them: a rule answers, good enough to time."""
    return [case for dialogue in dialogues for case in _flips_of(dialogue)]


def _flips_of(dialogue: Dialogue) -> Iterator[FlipCase]:
    rule = find_rule("previous-or-self")
    for flip in find_flips(dialogue):
        told = replace(dialogue, utterances=dialogue.utterances[: flip.target + 1])
        case = FlipCase(f"{dialogue.id}/{flip.target}", told, flip)
        yield replace(case, triggers=rule.name_triggers(case))


def draw_cases(cases: Sequence[FlipCase], num_cases: int, seed: int) -> list[FlipCase]:
    """Whole groups in an order drawn by `seed`, until there are so many; of the last one as many as it takes."""
    groups = list(_by_group(cases).values())
    random.Random(seed).shuffle(groups)
    return [case for group in groups for case in group][:num_cases]


def last_flips(cases: Sequence[FlipCase], num_flips: int, at_least: int) -> list[FlipCase]:
    """The last flips of every group that has `at_least` so many: the same dialogues for every number of flips."""
    return [case for group in _by_group(cases).values() if len(group) >= at_least for case in group[-num_flips:]]


def _by_group(cases: Sequence[FlipCase]) -> dict[str, list[FlipCase]]:
    groups: dict[str, list[FlipCase]] = defaultdict(list)
    for case in cases:
        groups[case.group].append(case)
    return groups


def instruct(cases: Sequence[FlipCase]) -> list[Instruction]:
    """The plain question in the dialogue layout, and the answer line."""
    return Curator().make("answer", [training_view(case, Layout("dialogue")) for case in cases])


def texts_of(instructions: Sequence[Instruction]) -> Iterator[str]:
    """What a tokenizer learns from."""
    for instruction in instructions:
        yield from (message.content for message in instruction.prompt)
        yield instruction.completion


@dataclass(frozen=True, slots=True)
class Workload:
    """Examples of one set as messages and, in the same order, as tokens."""

    name: str
    cases: tuple[FlipCase, ...]
    instructions: tuple[Instruction, ...]
    tokenized: Tokenized

    @classmethod
    def of(cls, name: str, cases: Sequence[FlipCase], chat: Any, context_length: int) -> Workload:
        """Without the cases that are too long for the context."""
        instructions = instruct(cases)
        tokenized = tokenize(instructions, chat, context_length)
        kept = [place for place, each in enumerate(instructions) if each.id not in tokenized.too_long]
        return cls(name, tuple(cases[i] for i in kept), tuple(instructions[i] for i in kept), tokenized)

    @property
    def sha256(self) -> str:
        return hash_json([[each.id, *texts_of([each])] for each in self.instructions])

"""The flip cases of the benches, from the real corpora where they are available, else from the sample corpus.

Cases are drawn by seed as whole dialogues, because the speed depends on how much the examples of a dialogue share.
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
from fliptrace.prompts.views import Layout, LayoutName, training_view
from fliptrace.training.examples import Tokenized, tokenize

Split = Literal["train", "val"]


class CaseSet(NamedTuple):
    """Cases with the name that tables show; the name says when the sample corpus replaces a missing corpus."""

    name: str
    cases: Sequence[FlipCase]


def load_cases(name: str, split: Split) -> CaseSet:
    """Load a set: `meld` is the labelled flips of MELD-FR, `masac` every flip of MaSaC's whole dialogues.

    Falls back to the sample corpus where the corpus is not in the folder that FLIPTRACE_DATA names.
    """
    folder = os.environ.get("FLIPTRACE_DATA")
    try:
        return _LOADERS[name](split, Path(folder) if folder else None)
    except InputError:
        return _SAMPLES[name](split)


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
    """Return one case per flip, with the dialogue cut at the target.

    These flips have no labelled triggers. A rule names them instead, which is good enough for timing.
    """
    return [case for dialogue in dialogues for case in _flips_of(dialogue)]


def _flips_of(dialogue: Dialogue) -> Iterator[FlipCase]:
    rule = find_rule("previous-or-self")
    for flip in find_flips(dialogue):
        shown = replace(dialogue, utterances=dialogue.utterances[: flip.target + 1])
        case = FlipCase(f"{dialogue.id}/{flip.target}", shown, flip)
        yield replace(case, triggers=rule.name_triggers(case))


def draw_cases(cases: Sequence[FlipCase], num_cases: int, seed: int) -> list[FlipCase]:
    """Draw `num_cases` cases, group by group in an order drawn by `seed`; the last group may be cut."""
    groups = list(_by_group(cases).values())
    random.Random(seed).shuffle(groups)
    return [case for group in groups for case in group][:num_cases]


def last_flips(cases: Sequence[FlipCase], num_flips: int, at_least: int) -> list[FlipCase]:
    """Return the last `num_flips` flips of every group with at least `at_least` flips.

    With a fixed `at_least`, every number of flips takes the same dialogues.
    """
    return [case for group in _by_group(cases).values() if len(group) >= at_least for case in group[-num_flips:]]


def _by_group(cases: Sequence[FlipCase]) -> dict[str, list[FlipCase]]:
    groups: dict[str, list[FlipCase]] = defaultdict(list)
    for case in cases:
        groups[case.group].append(case)
    return groups


def instruct(cases: Sequence[FlipCase], layout: LayoutName = "dialogue") -> list[Instruction]:
    """Make the plain instruction of every case: the question and the answer line."""
    return Curator().make("answer", [training_view(case, Layout(layout)) for case in cases])


def texts_of(instructions: Sequence[Instruction]) -> Iterator[str]:
    """Yield every text of the instructions, for training a tokenizer."""
    for instruction in instructions:
        yield from (message.content for message in instruction.prompt)
        yield instruction.completion


@dataclass(frozen=True, slots=True)
class Workload:
    """The examples of one set as messages and as tokens, in the same order."""

    name: str
    cases: tuple[FlipCase, ...]
    instructions: tuple[Instruction, ...]
    tokenized: Tokenized

    @classmethod
    def of(
        cls, name: str, cases: Sequence[FlipCase], chat: Any, context_length: int, layout: LayoutName = "dialogue"
    ) -> Workload:
        """Make a workload without the cases that are too long for the context."""
        instructions = instruct(cases, layout)
        tokenized = tokenize(instructions, chat, context_length)
        kept = [place for place, each in enumerate(instructions) if each.id not in tokenized.too_long]
        return cls(name, tuple(cases[i] for i in kept), tuple(instructions[i] for i in kept), tokenized)

    @property
    def sha256(self) -> str:
        return hash_json([[each.id, *texts_of([each])] for each in self.instructions])

"""Writes an instruction file and its manifest from labelled cases: curation on its own, without training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import cast, get_args

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, hash_file, versions, write_json
from fliptrace.core.flips import FlipCase
from fliptrace.core.messages import Answer
from fliptrace.corpora.longest_prefixes import distinct_longest_prefixes
from fliptrace.curate.correcting import OwnAnswer
from fliptrace.curate.curator import EMOTION_KINDS, OWN_ANSWER_KINDS, Curator, Kind
from fliptrace.curate.instructions import FileForm, write_instructions
from fliptrace.predictions.rows import Prediction, read_manifest, read_predictions
from fliptrace.prompts.answers import Ask, parse_answer
from fliptrace.prompts.views import Layout, View, training_view


def parse_mix(text: str) -> dict[Kind, float]:
    """Parse the kinds and weights of a command line; a kind without a weight has weight 1.

    >>> parse_mix("answer=1, chain=0.5")
    {'answer': 1.0, 'chain': 0.5}
    """
    weights: dict[Kind, float] = {}
    for part in text.split(","):
        kind, _, weight = (piece.strip() for piece in part.partition("="))
        if kind not in get_args(Kind):
            raise InputError(f"--mix {part.strip()!r}", f"unknown kind; expected one of {', '.join(get_args(Kind))}")
        if kind in weights:
            raise InputError(f"--mix {part.strip()!r}", "this kind has a weight already; expected each kind once")
        weights[cast(Kind, kind)] = _weight(part.strip(), weight)
    return weights


def _weight(part: str, weight: str) -> float:
    try:
        value = float(weight or 1)
    except ValueError as error:
        raise InputError(f"--mix {part!r}", "expected KIND=WEIGHT, such as chain=0.5") from error
    if not 0 <= value < inf:
        raise InputError(f"--mix {part!r}", "expected a weight of 0 or more")
    return value


def curate_file(
    cases: Sequence[FlipCase],
    path: Path,
    *,
    curator: Curator,
    weights: Mapping[Kind, float],
    layout: Layout,
    form: FileForm,
    own: Path | None,
    source: Json,
) -> dict[str, int]:
    """Write a mixture and its manifest, and return the number of instructions of each kind.

    Instructions about emotions are made from the dialogues of the cases, each dialogue once. InputError if a case
    is unlabelled, if a kind needs `own` answers and there are none, or if the mixture is empty.
    """
    unlabelled = next((case.id for case in cases if case.triggers is None), None)
    if unlabelled is not None:
        raise InputError(f"case {unlabelled}", "has no trigger labels; expected labelled cases only")
    if own is None and not OWN_ANSWER_KINDS.isdisjoint(weights):
        raise InputError("--mix", "feedback and self-evaluation need own answers; expected a prediction file in --own")
    views = [training_view(case, layout) for case in cases]
    corrected = read_own_answers(own, cases, layout) if own else []
    mixture = replace(curator, layout=layout).mixture(
        weights,
        views,
        corrected,
        curator.seed,
        distinct_longest_prefixes(cases) if set(EMOTION_KINDS) & weights.keys() else (),
    )
    if not mixture:
        raise InputError(path, "the mixture has no instructions; expected at least one")
    write_instructions(path, mixture, form)
    counts = dict(sorted(Counter(instruction.kind for instruction in mixture).items()))
    settings = {"mix": dict(weights), "form": form, "layout": layout.name, "seed": curator.seed, "own": str(own or "")}
    sums = {"sha256": hash_file(path), "source": source, "counts": counts, "versions": versions()}
    write_json(path.with_name(f"{path.stem}.manifest.json"), settings | sums)
    return counts


def read_own_answers(path: Path, cases: Sequence[FlipCase], layout: Layout) -> list[OwnAnswer]:
    """Read a model's answers to these cases from a prediction file, as they were before the model judged them.

    InputError if the file has no answers to these cases, or if their text names other utterances in this layout.
    """
    by_id = {case.id: case for case in cases}
    ask: Ask = "chain" if read_manifest(path).get("inference", {}).get("ask") == "chain" else "answer"
    own = []
    for row in read_predictions(path):
        if isinstance(row, Prediction) and row.id in by_id:
            view = training_view(by_id[row.id], layout)
            own += [_own_answer(answer, view, ask, path) for answer in row.drafts or row.answers if answer.text.strip()]
    if not own:
        raise InputError(path, "no replies to any of the cases; expected predictions of a model that replies in text")
    return own


def _own_answer(stored: Answer, view: View, ask: Ask, path: Path) -> OwnAnswer:
    answer = parse_answer(stored.text, view)
    if stored.value is None:  # it may have been cut off, which its text does not tell
        return OwnAnswer(view, ask, stored, str(path))
    if answer.value != stored.value:
        raise InputError(
            f"{path} case {view.case.id}",
            f"its replies name other utterances in the {view.layout.name} layout; expected the --layout of that file",
        )
    return OwnAnswer(view, ask, answer, str(path))

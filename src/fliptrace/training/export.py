"""Export checkpoints to a folder that models/embedded.py runs without torch: graphs, tokenizer, inference defaults.

Several checkpoints (seeds of one recipe) form one model that averages their probabilities. Every export is compared
with torch.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fliptrace.core.errors import InputError, RunError
from fliptrace.core.files import new_folder, write_text
from fliptrace.core.messages import Message
from fliptrace.corpora.sample import load_sample
from fliptrace.models.base import Choice, ReplyScorer
from fliptrace.models.checkpoints import InferenceDefaults, hosted_ref, is_run, last_checkpoint
from fliptrace.models.embedded import CHAT_TEMPLATE, TOKENIZER, EmbeddedConfig, load_embedded
from fliptrace.prompts.answers import render_answer, render_question
from fliptrace.prompts.emotions import emotion_replies, emotion_view, render_emotion_question
from fliptrace.prompts.views import View

if TYPE_CHECKING:
    from fliptrace.models.local.model import LocalModel

# The largest accepted difference of a probability.
TOLERANCE = 1e-3
_MAX_PARAMETERS = 500_000_000  # 4 bytes each, and protobuf is limited to 2 GiB
_NUM_COMPARED = 40  # cases of the sample corpus, each with one trigger question and one emotion question


@dataclass(frozen=True, slots=True)
class Exported:
    """An exported model.

    `max_difference` is the largest difference between its probabilities and torch's over `num_choices` choices.
    """

    folder: Path
    num_bytes: int
    num_choices: int
    max_difference: float


def export_onnx(
    checkpoints: Sequence[Path], folder: Path, *, half: bool = False, threshold: float | None = None
) -> Exported:
    """Export checkpoints or runs to `folder`, which appears complete or not at all. An existing folder is replaced.

    `half` stores weights in 16 bits. `threshold` is the support from which exact decoding names a trigger; None keeps
    the first checkpoint's threshold. Raises InputError if the checkpoints do not match each other, and RunError if the
    graph's probabilities differ from torch's by more than TOLERANCE.
    """
    places = [last_checkpoint(path) if is_run(path) else path for path in checkpoints]
    for place in places:
        if hosted_ref(place) is not None:
            raise InputError(place, f"refers to {hosted_ref(place)}; expected local weights")
    members = [_load_llama(place) for place in places]
    defaults = _shared_defaults(places, threshold)
    _check_alike(places, members)
    with new_folder(folder) as neighbour:
        _write(members, defaults, neighbour, half)
        choices = compared_choices(defaults, members[0])
        difference = max_difference(members, load_embedded(neighbour), choices)
        if not difference <= TOLERANCE:
            raise RunError(
                folder, f"probabilities differ from torch's by {difference:.1e}; expected at most {TOLERANCE:.0e}"
            )
    num_bytes = sum(path.stat().st_size for path in folder.iterdir())
    return Exported(folder, num_bytes, len(choices), difference)


def compared_choices(defaults: InferenceDefaults, model: LocalModel) -> list[Choice]:
    """The choices for the comparison with torch: questions of the sample corpus that fit, and a longer chat."""
    choices = [_CHAT]
    for case in load_sample("val")[:_NUM_COMPARED]:
        view = View(case, defaults.layout)
        sets = [frozenset[int](), *(frozenset({i}) for i in view.candidates)]
        emotions = emotion_view(case.dialogue, case.flip.target, defaults.layout)
        labels = emotion_replies(case.dialogue.emotion_set, defaults.layout.name)
        answers = tuple(render_answer(triggers, view) for triggers in sets)
        choices.append(Choice(f"{case.id}/triggers", render_question(view, "answer"), answers))
        choices.append(Choice(f"{case.id}/emotion", render_emotion_question(emotions), labels))
    return [choice for choice in choices if model.fits(choice.messages, max(map(len, choice.replies)) + 1)]


def max_difference(members: Sequence[ReplyScorer], embedded: ReplyScorer, choices: Sequence[Choice]) -> float:
    """The largest difference of a reply's probability, both absolute and normalised over the choice's replies.

    Several members are averaged, as in the embedded model.
    """
    by_member = [model.score_replies(choices) for model in members]
    found = 0.0
    for place, row in enumerate(embedded.score_replies(choices)):
        expected = np.logaddexp.reduce([rows[place] for rows in by_member]) - np.log(len(members))
        for one, other in ((np.exp(row), np.exp(expected)), (_normalised(row), _normalised(expected))):
            found = max(found, float(np.abs(one - other).max()))
    return found


_CHAT = Choice(
    "chat",
    (
        Message("system", "You read a dialogue."),
        Message("user", "1 Asha joy: The boat is back!\n2 Ben fear: In this storm?"),
        Message("assistant", "Triggers: 1"),
        Message("user", "And  now – è vero?\n"),
    ),
    ("Triggers: none", "Triggers: 1", "Triggers: 1 2", "joy"),
)


def _normalised(log_probs: Any) -> Any:
    weights = np.exp(np.asarray(log_probs) - np.max(log_probs))
    return weights / weights.sum()


def _load_llama(place: Path) -> LocalModel:
    """Load a Llama in fp32 on the CPU, with an adapter merged into its base."""
    from fliptrace.models.local.loading import load_local

    local = load_local(str(place), device="cpu", dtype="fp32")
    kind, num_parameters = local.model.config.model_type, local.model.num_parameters()
    if kind != "llama":
        raise InputError(place, f"a model of type {kind}; expected a Llama, the only supported type")
    if num_parameters > _MAX_PARAMETERS:
        raise InputError(
            place, f"{num_parameters:,} parameters; expected at most {_MAX_PARAMETERS:,} for one ONNX file"
        )
    return local


def _shared_defaults(places: Sequence[Path], threshold: float | None) -> InferenceDefaults:
    """The first member's inference defaults, with `threshold` if given.

    Raises InputError if the members' layouts or questions differ.
    """
    first, *others = [InferenceDefaults.read(place) or InferenceDefaults() for place in places]
    for place, defaults in zip(places[1:], others, strict=True):
        if (defaults.layout, defaults.ask) != (first.layout, first.ask):
            raise InputError(place, f"has another layout or question than {places[0]}; expected the same for all")
    return first if threshold is None else replace(first, thresholds={**first.thresholds, "exact": threshold})


def _check_alike(places: Sequence[Path], members: Sequence[LocalModel]) -> None:
    first, *others = [_tokenizer_files(local) for local in members]
    for place, files in zip(places[1:], others, strict=True):
        if files != first:
            raise InputError(
                place, f"has another tokenizer or chat template than {places[0]}; expected the same for all"
            )


def _tokenizer_files(local: LocalModel) -> dict[str, str]:
    """The contents of the tokenizer file, as compact JSON, and of the chat template if there is one."""
    tokenizer = local.chat_format.tokenizer
    files = {TOKENIZER: json.dumps(json.loads(tokenizer.backend_tokenizer.to_str()), ensure_ascii=False) + "\n"}
    return files | ({CHAT_TEMPLATE: tokenizer.chat_template} if tokenizer.chat_template else {})


def _write(members: Sequence[LocalModel], defaults: InferenceDefaults, folder: Path, half: bool) -> None:
    from fliptrace.training.onnx_graph import make_graph

    names = ["model.onnx"] if len(members) == 1 else [f"model-{number}.onnx" for number in range(len(members))]
    for name, local in zip(names, members, strict=True):
        (folder / name).write_bytes(make_graph(local.model, half=half))
    for name, text in _tokenizer_files(members[0]).items():
        write_text(folder / name, text)
    special_tokens = dict(members[0].chat_format.tokenizer.special_tokens_map)
    EmbeddedConfig(tuple(names), special_tokens, min(local.context_length for local in members)).write(folder)
    defaults.write(folder)

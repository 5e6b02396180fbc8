"""From checkpoints to a folder that models/embedded.py reads without torch: graphs, tokenizer, habits; then compared.

Several checkpoints (seeds of one recipe) make one model that averages their probabilities.
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

# What a probability may be off by.
TOLERANCE = 1e-3
_MAX_PARAMETERS = 500_000_000  # in 4 bytes each; protobuf ends at 2 GiB
_NUM_COMPARED = 40  # cases of the sample corpus; each is asked for triggers and for an emotion


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: `max_difference` is the largest between a probability here and torch's over `num_choices`."""

    folder: Path
    num_bytes: int
    num_choices: int
    max_difference: float


def export_onnx(
    checkpoints: Sequence[Path], folder: Path, *, half: bool = False, threshold: float | None = None
) -> Exported:
    """Write `folder` whole or not at all from checkpoints or runs; a folder that stands there already is replaced.

    `half` stores weights in 16 bits; `threshold` is the support from which exact decoding names a trigger, for the
    first checkpoint's own. InputError where checkpoints do not go together, RunError where the graph's probabilities
    are more than TOLERANCE off torch's.
    """
    places = [last_checkpoint(path) if is_run(path) else path for path in checkpoints]
    for place in places:
        if hosted_ref(place) is not None:
            raise InputError(place, f"stands for {hosted_ref(place)}, whose weights are its provider's")
    members = [_load_llama(place) for place in places]
    defaults = _shared_habits(places, threshold)
    _check_alike(places, members)
    with new_folder(folder) as neighbour:
        _write(members, defaults, neighbour, half)
        choices = compared_choices(defaults, members[0])
        difference = max_difference(members, load_embedded(neighbour), choices)
        if not difference <= TOLERANCE:
            raise RunError(folder, f"probabilities are {difference:.1e} off torch's; expected at most {TOLERANCE:.0e}")
    num_bytes = sum(path.stat().st_size for path in folder.iterdir())
    return Exported(folder, num_bytes, len(choices), difference)


def compared_choices(defaults: InferenceDefaults, model: LocalModel) -> list[Choice]:
    """What graph and torch are compared on: the questions of the sample corpus that fit, and a chat of many turns."""
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
    """The largest difference of a reply's probability, by itself and given that it is one of the choice's.

    Of several members the mean is compared, which is what the embedded model gives.
    """
    by_member = [model.score_replies(choices) for model in members]
    found = 0.0
    for place, row in enumerate(embedded.score_replies(choices)):
        wanted = np.logaddexp.reduce([rows[place] for rows in by_member]) - np.log(len(members))
        for one, other in ((np.exp(row), np.exp(wanted)), (_given_one(row), _given_one(wanted))):
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


def _given_one(log_probs: Any) -> Any:
    weights = np.exp(np.asarray(log_probs) - np.max(log_probs))
    return weights / weights.sum()


def _load_llama(place: Path) -> LocalModel:
    """In fp32 on the CPU, an adapter folded into its base."""
    from fliptrace.models.local.loading import load_local

    local = load_local(str(place), device="cpu", dtype="fp32")
    kind, num_parameters = local.model.config.model_type, local.model.num_parameters()
    if kind != "llama":
        raise InputError(place, f"a model of type {kind}; expected a Llama, the only one whose graph is written here")
    if num_parameters > _MAX_PARAMETERS:
        raise InputError(
            place, f"{num_parameters:,} parameters; expected at most {_MAX_PARAMETERS:,} for one ONNX file"
        )
    return local


def _shared_habits(places: Sequence[Path], threshold: float | None) -> InferenceDefaults:
    """How the members are asked, which has to be the same; the first one's thresholds hold, but for a given one."""
    first, *others = [InferenceDefaults.read(place) or InferenceDefaults() for place in places]
    for place, defaults in zip(places[1:], others, strict=True):
        if (defaults.layout, defaults.ask) != (first.layout, first.ask):
            raise InputError(place, f"is asked otherwise than {places[0]}; expected one layout for all members")
    return first if threshold is None else replace(first, thresholds={**first.thresholds, "exact": threshold})


def _check_alike(places: Sequence[Path], members: Sequence[LocalModel]) -> None:
    first, *others = [_tokenizer_files(local) for local in members]
    for place, files in zip(places[1:], others, strict=True):
        if files != first:
            raise InputError(
                place, f"has another tokenizer or chat template than {places[0]}; expected the same for all"
            )


def _tokenizer_files(local: LocalModel) -> dict[str, str]:
    """The tokenizer as it runs, compact, and the template where there is one."""
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

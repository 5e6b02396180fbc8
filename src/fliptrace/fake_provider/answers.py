"""A model without weights that answers every prompt of ours in the requested form. It guesses; it reads no dialogue.

The candidate utterances and the labels are taken from the text of the prompt (prompts/). Replies are drawn from a list
of 20 for each prompt, so their probabilities are known.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fliptrace.core.messages import Completion, Message
from fliptrace.models.base import Decoding, Model, Request
from fliptrace.prompts.answers import cut_answer_line

NUM_SLOTS = 20
# The distances of the triggers that a reply names from the target, and how many of the 20 replies name them. Most
# triggers are the utterance before the target (docs/data.md).
_GUESS_COUNTS: tuple[tuple[tuple[int, ...], int], ...] = (
    ((1,), 11),
    ((0,), 3),
    ((2,), 2),
    ((3,), 1),
    ((), 1),
    ((0, 1), 2),
)
_SLOTS = tuple(distances for distances, count in _GUESS_COUNTS for _ in range(count))
assert len(_SLOTS) == NUM_SLOTS

_CANDIDATES = "Candidates by distance from the target:"
_CANDIDATE = re.compile(r"^(\d+) \[(\d+)\]", re.MULTILINE)
_WINDOW_LINE = re.compile(r"^(\d+) (?=.*:)", re.MULTILINE)
_NUMBERED = re.compile(r"^\[(\d+)\] ", re.MULTILINE)
_SOURCE = re.compile(r"flips from \S+ in \[(\d+)\] to \S+ in \[(\d+)\]\.|^flip \S+ to \S+, source (\d+)", re.MULTILINE)
_LABELS = re.compile(r"one of ((?:\w+, )*\w+)[.,]")

_Writer = Callable[[int], str]  # the reply in a given slot of the list


@dataclass(frozen=True, slots=True)
class PlausibleModel:
    """A ChatModel that guesses. Reply n depends only on the messages and n; greedy decoding gives reply 0.

    Tokens are words separated by white space. `num_context_tokens` of them fit; None means any number.

    >>> model = PlausibleModel()
    >>> asked = Request("1", (Message("user", "Answer with `Emotion:` and one of joy, anger."),))
    >>> model.complete([asked], Decoding())[0][0].text in ("Emotion: joy", "Emotion: anger")
    True
    """

    name: str = "plausible"
    num_context_tokens: int | None = None

    def as_model(self) -> Model:
        return Model(self.name, chat=self)

    def complete(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        """See ChatModel. The decoding's seed, temperature and top_p have no effect."""
        return [self._replies(request, decoding) for request in requests]

    def fits(self, messages: tuple[Message, ...], max_new_tokens: int) -> bool:
        num_tokens = _count_tokens(messages) + max_new_tokens
        return self.num_context_tokens is None or num_tokens <= self.num_context_tokens

    def shares(self, messages: tuple[Message, ...]) -> dict[str, float]:
        """Return the probability of each reply to these messages. The probabilities add up to 1."""
        write = _find_writer(messages) or _filler_writer(messages)
        counts = Counter(write(slot) for slot in range(NUM_SLOTS))
        return {text: count / NUM_SLOTS for text, count in counts.items()}

    def _replies(self, request: Request, decoding: Decoding) -> tuple[Completion, ...]:
        write, digest = _find_writer(request.messages), _digest(request.messages)
        num_prompt_tokens = _count_tokens(request.messages)
        first = 0 if decoding.kind == "greedy" else request.number
        numbers = range(first, first + decoding.num_replies)
        if write is None:
            other = _filler_writer(request.messages)
            texts = [other(number % NUM_SLOTS) for number in numbers]
        else:
            texts = [write(_pseudo_random(f"{digest} {number}", NUM_SLOTS)) for number in numbers]
        return tuple(Completion(text, num_prompt_tokens, len(text.split())) for text in texts)


def _find_writer(messages: tuple[Message, ...]) -> _Writer | None:
    """Choose the writer of replies by the last message of a prompt; None where it is none of our questions."""
    asked = messages[-1].content
    if asked.startswith("Judge your answer") or asked == "judge it":
        return lambda _: _judgement(messages)
    if asked.startswith("Give the right answer line") or asked.startswith("Go through the candidates anew"):
        return _triggers_writer(messages, with_reasons=asked.startswith("Go"))
    if "Which utterances triggered this flip?" in asked or asked.endswith("triggers?"):
        return _triggers_writer(
            messages, with_reasons="First state" in asked or asked.endswith("reasons and triggers?")
        )
    if "Which emotion does each utterance express?" in asked or asked.endswith("emotions?"):
        return _labels_writer(messages)
    if "`Emotion:`" in asked or asked.endswith("emotion?"):
        form = "{}" if asked.endswith("emotion?") else "Emotion: {}"
        labels = _find_labels(asked)
        return lambda slot: form.format(labels[slot % len(labels)])
    if (flip := _SOURCE.search(asked)) and ("`Source:`" in asked or asked.endswith("source?")):
        return lambda _: f"Source: {flip[1] or flip[3]}"
    if flip and ("`Flips:`" in asked or asked.endswith("flips?")):
        return lambda _: f"Flips: {flip[1] or flip[3]}>{flip[2] or 0}"
    return None


def _filler_writer(messages: tuple[Message, ...]) -> _Writer:
    """Return the writer for any other prompt. Its 20 replies differ, except with a chance of about 2 in 10,000."""
    digest = _digest(messages)
    return lambda slot: f"ok {_pseudo_random(f'{digest} {slot}', 10**6):06}"


def _triggers_writer(messages: tuple[Message, ...], *, with_reasons: bool) -> _Writer:
    labels = _find_candidates(messages)

    def write(slot: int) -> str:
        named = sorted({labels[min(distance, len(labels) - 1)] for distance in _SLOTS[slot]}) if labels else []
        line = f"Triggers: {' '.join(map(str, named)) or 'none'}"
        if not with_reasons:
            return line
        reason = (
            f"What was said in {' and '.join(map(str, named))} stands closest." if named else "Nothing stands close."
        )
        return f"{reason}\n{line}"

    return write


def _find_candidates(messages: tuple[Message, ...]) -> list[int]:
    """Return the labels of the candidate utterances by distance from the target; empty where a prompt names none."""
    for message in reversed(messages):
        _, header, rest = message.content.partition(_CANDIDATES)
        if header:
            return [int(label) for _, label in _CANDIDATE.findall(rest)]
        shown, flip, _ = message.content.partition("\nflip ")
        if flip:
            return sorted(map(int, _WINDOW_LINE.findall(shown)))
    return []


def _labels_writer(messages: tuple[Message, ...]) -> _Writer:
    """Return the writer of all labels. Half are neutral and half are drawn from the set, so that flips occur."""
    asked, digest = messages[-1].content, _digest(messages)
    is_window = asked.endswith("emotions?")
    numbers = (_WINDOW_LINE if is_window else _NUMBERED).findall(asked)
    labels = _find_labels(asked)

    def write(slot: int) -> str:
        drawn = (_pseudo_random(f"{digest} {slot} {number}", 2 * len(labels)) for number in numbers)
        chosen = [labels[n] if n < len(labels) else "neutral" for n in drawn]
        form = "{} {}" if is_window else "[{}] {}"
        return "\n".join(form.format(number, label) for number, label in zip(numbers, chosen, strict=True))

    return write


def _find_labels(asked: str) -> list[str]:
    match = _LABELS.search(asked)
    return match[1].split(", ") if match else ["neutral", "joy", "anger", "sadness"]


def _judgement(messages: tuple[Message, ...]) -> str:
    own = next((m.content for m in reversed(messages) if m.role == "assistant"), "")
    lines = own.splitlines()[len(cut_answer_line(own).splitlines()) :]
    return f"Verdict: right\n{lines[0] if lines else 'Triggers: none'}"


def _digest(messages: Sequence[Message]) -> str:
    text = "\0".join(f"{message.role}\0{message.content}" for message in messages)
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()


def _pseudo_random(text: str, below: int) -> int:
    """Return a pseudo-random number from 0, determined by the text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % below


def _count_tokens(messages: Sequence[Message]) -> int:
    return sum(len(message.content.split()) for message in messages)

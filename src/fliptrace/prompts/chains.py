"""Chain-of-thought rationales: observations, then a verdict on each candidate, then the answer line.

Observations are made from the prompt alone, so each can be checked against it. Trigger labels enter only with the
verdicts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from fliptrace.core.messages import Answer
from fliptrace.prompts.answers import parse_answer, render_answer
from fliptrace.prompts.shared import NUM_QUOTED, quote, says
from fliptrace.prompts.thoughts import cut_thoughts
from fliptrace.prompts.views import LayoutName, View


@dataclass(frozen=True, slots=True)
class Observation:
    """What the prompt shows about one candidate.

    `is_own`: the speaker is the one who flips. `is_shift`: the speaker's previous utterance in the prompt has a
    different emotion. There is no shift, as there is no flip, if either of the two is unlabelled. `quoted`: the first
    words of the utterance, "" if the observation quotes none.
    """

    index: int
    is_own: bool
    emotion: str
    is_shift: bool
    quoted: str = ""


@dataclass(frozen=True, slots=True)
class Chain:
    """A rationale: observations in ascending order of labels, and the triggers that its verdicts name."""

    observations: tuple[Observation, ...]
    triggers: frozenset[int]


@dataclass(frozen=True, slots=True)
class ParsedChain:
    """A parsed reply: its answer line, its observations, and the candidates that its verdict lines call triggers."""

    answer: Answer
    observations: tuple[Observation, ...]
    verdicts: frozenset[int]

    @property
    def chain(self) -> Chain | None:
        """The rationale, or None if the answer cannot be read or contradicts the verdicts."""
        if self.answer.value is None or self.answer.value != self.verdicts:
            return None
        return Chain(self.observations, self.verdicts)


@dataclass(frozen=True, slots=True)
class Wording:
    """Templates for the lines of a rationale.

    `own` and `shift` each hold the words for true and for false. The window layout says with the placeholder `{name}`
    who spoke, the others with `own`. Without `yes` and `no` the answer line gives the verdicts.
    """

    opening: str
    observation: str
    own: tuple[str, str]
    shift: tuple[str, str]
    yes: str
    no: str


WORDINGS: dict[LayoutName, tuple[Wording, ...]] = {
    # An observation begins like the prompt line it is about, because copying is what a tiny model learns first.
    "window": (
        Wording("flip {before} to {after}", "{label} {name} {emotion}, {shift}", ("", ""), ("new", "as before"),
                "{label} yes", "{label} no"),
        Wording("from {before} into {after}", "{label} {name} {emotion}: {shift}", ("", ""), ("shift", "steady"),
                "{label}: trigger", "{label}: no trigger"),
    ),
    "dialogue": (
        Wording(
            "The emotion goes from {before} to {after}.",
            "{label} is said by {own} with {emotion}, {shift}.",
            ("the same speaker", "somebody else"),
            ("a shift for them", "no shift for them"),
            "{label} triggered the flip.",
            "{label} did not trigger it.",
        ),
        Wording(
            "First {before}, now {after}: what lies between?",
            "In {label} {own} shows {emotion}; {shift}.",
            ("the speaker in question", "another person"),
            ("that is new for that person", "nothing new for that person"),
            "So {label} brought it about.",
            "So {label} had no part in it.",
        ),
        Wording(
            "We ask what turned {before} into {after}.",
            "- {label}: {emotion}, from {own}, {shift}",
            ("the one who flips", "someone other than the one who flips"),
            ("changed since they last spoke", "not changed since they last spoke"),
            "- {label}: a trigger",
            "- {label}: not a trigger",
        ),
    ),
    # Tokens are what a rationale costs, and the answer line says the verdicts anyway.
    "shared": (
        Wording("{before} to {after}", "{label} {own} {emotion} {shift}{quoted}",
                ("same", "other"), ("new", "as before"), "", ""),
        Wording("from {before} into {after}", "{label} by {own}: {emotion}, {shift}{quoted}",
                ("self", "another"), ("a shift", "no shift"), "", ""),
    ),
}  # fmt: skip


def observe(view: View) -> tuple[Observation, ...]:
    """The true observation of every candidate, in ascending order of labels. A missing emotion is "unknown"."""
    dialogue = view.case.dialogue
    last: dict[str, str | None] = {}
    is_shift: dict[int, bool] = {}
    for i in view.shown:
        speaker, emotion = dialogue.speakers[i], dialogue.emotions[i]
        is_shift[i] = None not in (emotion, before := last.get(speaker)) and before != emotion
        last[speaker] = emotion
    quoted = view.shown[-NUM_QUOTED:] if view.layout.name == "shared" else ()
    return tuple(
        Observation(
            i,
            dialogue.speakers[i] == view.case.flip.speaker,
            dialogue.emotions[i] or "unknown",
            is_shift[i],
            quote(dialogue.utterances[i].text) if i in quoted else "",
        )
        for i in view.candidates
    )


def render_chain(chain: Chain, view: View, wording: Wording) -> str:
    """The text of a rationale: what changed, one observation and then one verdict per candidate, the answer line."""
    flip = view.case.flip
    lines = [wording.opening.format(before=flip.before, after=flip.after)]
    for seen in chain.observations:
        own, shift = _pick(wording.own, seen.is_own), _pick(wording.shift, seen.is_shift)
        label, name = view.mention(seen.index), _name(seen, view)
        quoted = f' "{seen.quoted}"' if seen.quoted else ""
        words = {"label": label, "name": name, "own": own, "emotion": seen.emotion, "shift": shift, "quoted": quoted}
        lines.append(wording.observation.format(**words))
    for seen in chain.observations if wording.yes else ():
        verdict = wording.yes if seen.index in chain.triggers else wording.no
        lines.append(verdict.format(label=view.mention(seen.index)))
    return "\n".join([*lines, render_answer(chain.triggers, view)])


def parse_chain(text: str, view: View) -> ParsedChain:
    """Parse a rationale in any of the layout's wordings. Thoughts and lines in other words are ignored."""
    observations: list[Observation] = []
    verdicts: set[int] = set()
    wordings, answer = WORDINGS[view.layout.name], parse_answer(text, view)
    for line in cut_thoughts(text).splitlines():
        for wording in wordings:
            if match := _regex(wording.observation, wording).fullmatch(line):
                observations.append(_observation(match, wording, view))
                break
            if wording.yes and (match := _regex(wording.yes, wording).fullmatch(line)):
                verdicts.add(view.index(int(match["label"].strip("[]"))))
                break
    gives_verdicts = any(wording.yes for wording in wordings)
    return ParsedChain(
        answer, tuple(observations), frozenset(verdicts) if gives_verdicts else answer.value or frozenset()
    )


def false_observations(observations: tuple[Observation, ...], view: View) -> Iterator[Observation]:
    """The observations that the prompt contradicts, or that are not about one of its candidates."""
    true = {replace(seen, quoted="") for seen in observe(view)}
    for seen in observations:
        is_true = replace(seen, quoted="") in true
        if not is_true or not says(view.case.dialogue.utterances[seen.index].text, seen.quoted):
            yield seen


def _name(seen: Observation, view: View) -> str:
    """The window layout's name of the speaker. It follows `is_own`, even if the observation is false about that."""
    name = view.window_names[view.case.dialogue.speakers[seen.index]]
    return "self" if seen.is_own else name.replace("self", "A")


def _pick(words: tuple[str, str], holds: bool) -> str:
    return words[0] if holds else words[1]


def _observation(match: re.Match[str], wording: Wording, view: View) -> Observation:
    index = view.index(int(match["label"].strip("[]")))
    said = match.groupdict()
    is_own = said["name"] == "self" if "name" in said else said["own"] == wording.own[0]
    quoted = (said.get("quoted") or "").strip(' "')
    return Observation(index, is_own, said["emotion"], said["shift"] == wording.shift[0], quoted)


def _regex(template: str, wording: Wording) -> re.Pattern[str]:
    """A pattern that matches the lines a template produces."""
    fields = {
        "label": r"\[?\d{1,6}\]?",
        "emotion": r"[\w -]+?",
        "name": r"self|[A-Z]\d*",
        "own": "|".join(map(re.escape, wording.own)),
        "shift": "|".join(map(re.escape, wording.shift)),
        "quoted": '(?: "[^"]*")?',
    }
    parts = re.split(r"\{(\w+)\}", template)
    return re.compile("".join(f"(?P<{p}>{fields[p]})" if i % 2 else re.escape(p) for i, p in enumerate(parts)))

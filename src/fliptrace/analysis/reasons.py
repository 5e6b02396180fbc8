"""The one-line reason for a flip: the model's own rationale if it gave one, else a sentence built from the decision.
Evidence that was measured (inference/evidence.py) is told in sentences of its own.

The built sentence says only what the analysis holds: who spoke, how far back, with which emotion, whether that was a
flip of that speaker, and the support. It does not explain how the model reached the decision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from fliptrace.analysis.values import AnalysisValues, FoundFlip
from fliptrace.analysis.wording import emotion_noun, printable, printable_name, said_in, spell
from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.flips import Flip, FlipCase
from fliptrace.core.messages import Answer
from fliptrace.core.support import Support
from fliptrace.inference.evidence import Evidence
from fliptrace.inference.word_evidence import WordEvidence
from fliptrace.prompts.answer_forms import without_answer
from fliptrace.prompts.chains import WORDINGS, Observation, false_observations, parse_chain
from fliptrace.prompts.thoughts import cut_thoughts
from fliptrace.prompts.views import Layout, View

MAX_NAMED = 3  # the most triggers that a sentence names; it counts the others
MAX_WORD = 40  # characters; where there are no blanks between words, a whole clause counts as one
MAX_RATIONALE = 400  # characters of a rationale in the model's own words; longer ones are cut


class Reason(NamedTuple):
    text: str
    by: Literal["model", "template"]


def give_reason(
    dialogue: Dialogue,
    flip: Flip,
    triggers: frozenset[int],
    support: Support,
    flips_by_target: Mapping[int, Flip],
    rationale: str = "",
) -> Reason:
    """Give the reason for a flip on one line. `rationale` is the model's own, "" if it gave none."""
    if rationale:
        return Reason(rationale, "model")
    builder = _SentenceBuilder(dialogue, flip, support, flips_by_target)
    return Reason(builder.build(sorted(triggers)), "template")


def tell_measured(analysis: AnalysisValues, found: FoundFlip, number: Callable[[int], str]) -> tuple[str, ...]:
    """Tell the evidence for a flip, and the words that carry the emotions of its target and its source."""
    places = (found.flip.target, found.flip.source)
    told = (tell_words(analysis.dialogue.utterances[i], analysis.words_in(i), number(i)) for i in places)
    return (*tell_evidence(found, number), *filter(None, told))


def tell_words(utterance: Utterance, words: Sequence[WordEvidence], number: str) -> str:
    """Tell which words of an utterance carry its emotion, in one sentence, the strongest first; "" if none does."""
    if not words:
        return ""
    changes = [
        f"to {each.without_it:.2f} without “{_short(printable(utterance.text[each.start : each.end]))}”"
        for each in sorted(words, key=lambda each: each.without_it)
    ]
    owner = f"{printable_name(utterance.speaker)}'s {emotion_noun(utterance.emotion or '')}"
    return f"{owner} at {number} falls from {words[0].with_it:.2f} {', '.join(changes)}."


def tell_likeliest(flip: Flip, emotions: Sequence[str | None]) -> str:
    """Tell the likeliest labels of a flip's two utterances where they are not the flip's own; "" where they are."""
    source, target = emotions[flip.source] or "", emotions[flip.target] or ""
    if (source, target) == (flip.before, flip.after):
        return ""
    if source == target:
        alone = f"On its own, each of the two is likeliest {source}."
    else:
        alone = f"On their own, they are likeliest {source} and {target}."
    return f"{alone} If they differ, {flip.before} → {flip.after} is the most probable change."


def tell_evidence(found: FoundFlip, number: Callable[[int], str]) -> tuple[str, ...]:
    """Tell the evidence for a flip, one sentence for each utterance left out: the triggers, then other candidates.

    Of these, only those are told that matter, the strongest first. `number` shows the position of an utterance.
    """
    named = [each for each in found.evidence if each.left_out in found.triggers]
    others = [each for each in found.evidence if each.left_out not in found.triggers and each.matters]
    others.sort(key=lambda each: -abs(each.change))
    return tuple(_tell_change(found.flip, each, number(each.left_out)) for each in (*named, *others))


def _tell_change(flip: Flip, evidence: Evidence, number: str) -> str:
    with_it, without_it = f"{evidence.with_it:.2f}", f"{evidence.without_it:.2f}"
    if evidence.matters:
        change = f"{'falls' if evidence.change < 0 else 'rises'} from {with_it} to {without_it}"
    else:
        change = f"stays at {with_it}" if with_it == without_it else f"hardly moves, from {with_it} to {without_it}"
        change += ": the trigger rests on its position"
    return f"Without {number}, {printable_name(flip.speaker)}'s {emotion_noun(flip.after)} {change}."


def _short(word: str) -> str:
    return word if len(word) <= MAX_WORD else f"{word[: MAX_WORD - 1]}…"


@dataclass(frozen=True, slots=True)
class _SentenceBuilder:
    """Builds the sentence about one flip. Each method returns a sentence or a part of one."""

    dialogue: Dialogue
    flip: Flip
    support: Support
    flips_by_target: Mapping[int, Flip]

    def build(self, triggers: Sequence[int]) -> str:
        if not triggers:
            return self.no_trigger()
        if len(triggers) > 1:
            return self.several_triggers(triggers)
        (trigger,) = triggers
        if trigger == self.flip.target:
            return f"The turn to {self.flip.after} lies in {self.who}'s own words here {self.support_of(trigger)}."
        return self.own_trigger(trigger) if self.is_own(trigger) else self.trigger_by_another(trigger)

    def no_trigger(self) -> str:
        opening = f"Nothing stands out as what turned {self.who} from {self.flip.before} to {self.flip.after}"
        shares = self.support.shares
        strongest = max(shares, key=lambda i: (shares[i], i), default=None)
        if strongest is None or shares[strongest] < 0.005:  # it would be shown as 0.00
            return f"{opening}."
        return f"{opening}; the closest candidate is {self.utterance(strongest)}."

    def own_trigger(self, trigger: int) -> str:
        # The flip itself already shows the emotion of its source.
        emotion = "" if trigger == self.flip.source else f", {said_in(self.emotion(trigger))},"
        when, after = self.when(trigger), self.flip.after
        return f"{self.who}'s own words {when}{emotion} led on to {after} {self.support_of(trigger)}."

    def trigger_by_another(self, trigger: int) -> str:
        them, after = printable_name(self.speaker(trigger)), self.flip.after
        turned = self.flips_by_target.get(trigger)
        emotion = turned.after if turned else self.emotion(trigger)
        is_same = emotion == after
        if turned and is_same:
            clause = f"{them} turned from {turned.before} to {emotion} {self.when(trigger)}, and {self.who} followed"
        elif turned:
            when = self.when(trigger).replace(" earlier", " before")
            clause = f"{them} turned from {turned.before} to {emotion} {when} {self.who} turned to {after}"
        elif is_same:
            clause = f"{them} spoke {said_in(emotion)} {self.when(trigger)}, and {self.who} turned to the same emotion"
        else:
            clause = f"What {them} said {said_in(emotion)} {self.when(trigger)} turned {self.who} to {after}"
        return f"{clause} {self.support_of(trigger)}."

    def several_triggers(self, triggers: Sequence[int]) -> str:
        """Name the triggers with the highest support, the latest first."""
        best = sorted(triggers, key=lambda i: (-self.support[i], -i))[:MAX_NAMED]
        parts = [self.utterance(i) for i in sorted(best, reverse=True)]
        if len(triggers) > len(best):
            parts.append(f"{spell(len(triggers) - len(best))} more")
        number = spell(len(triggers)).capitalize()
        listed = f"{', '.join(parts[:-1])} and {parts[-1]}"
        return f"{number} utterances together turned {self.who} to {self.flip.after}: {listed}."

    def utterance(self, index: int) -> str:
        """Refer to an utterance in a noun phrase, with its support."""
        turned = self.flips_by_target.get(index)
        if index == self.flip.target:
            return f"{self.who}'s own words here {self.support_of(index)}"
        them = printable_name(self.speaker(index))
        if turned and not self.is_own(index):
            return f"{them}'s turn from {turned.before} to {turned.after} {self.when(index)} {self.support_of(index)}"
        return f"what {them} said {said_in(self.emotion(index))} {self.when(index)} {self.support_of(index)}"

    @property
    def who(self) -> str:
        return printable_name(self.flip.speaker)

    def speaker(self, index: int) -> str:
        return self.dialogue.utterances[index].speaker

    def is_own(self, index: int) -> bool:
        return self.speaker(index) == self.flip.speaker

    def emotion(self, index: int) -> str:
        return self.dialogue.utterances[index].emotion or ""

    def when(self, index: int) -> str:
        distance = self.flip.target - index
        return "just before" if distance == 1 else f"{spell(distance)} utterances earlier"

    def support_of(self, index: int) -> str:
        return f"(support {self.support[index]:.2f})"


def rationale_of(
    answers: Sequence[Answer], triggers: frozenset[int], case: FlipCase, layout: Layout, start: int = 0
) -> str:
    """Return the model's rationale for exactly these triggers, on one line; "" if it gave none that can be shown.

    `start` is the utterance of the transcript at which the dialogue of `case` begins.

    A chain of thought in our own wording is reduced to its observations about the triggers, and those that quote an
    utterance, as far as the prompt confirms them. They are renumbered as in the transcript, from 1. A rationale in
    other words, which uses those numbers already, is kept without thoughts and answer.
    """
    agreeing = [answer.text for answer in answers if answer.value == triggers]
    if not agreeing:
        return ""
    view = View(case, layout)
    if observations := parse_chain(agreeing[0], view).observations:
        false = set(false_observations(observations, view))
        told = {seen for seen in observations if seen.index in triggers or seen.quoted}
        true = told - false
        return " ".join(_observation(seen, start) for seen in sorted(true, key=lambda seen: seen.index))
    if layout.name == "window":
        return ""  # its numbers count back from the target, and we can renumber only our own wording
    line = printable(without_answer(cut_thoughts(agreeing[0])))
    return line if len(line) <= MAX_RATIONALE else f"{line[: MAX_RATIONALE - 1].rsplit(' ', 1)[0]}…"


def _observation(seen: Observation, start: int) -> str:
    wording = WORDINGS["dialogue"][0]
    own, shift = wording.own[not seen.is_own], wording.shift[not seen.is_shift]
    line = wording.observation.format(label=f"[{start + seen.index + 1}]", own=own, emotion=seen.emotion, shift=shift)
    return f"{line.removesuffix('.')}: “{printable(seen.quoted)}”." if seen.quoted else line

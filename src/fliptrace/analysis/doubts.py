"""How far to trust an analysis: why emotions are uncertain, and how often flips of such probabilities were flips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set

from fliptrace.analysis.values import AnalysisValues
from fliptrace.analysis.wording import printable_name
from fliptrace.core.dialogue import Dialogue
from fliptrace.models.known_words import KnownWords

_MAX_NAMED = 3


def find_unfamiliar(
    dialogue: Dialogue, emotion_scores: Sequence[Mapping[str, float] | None], words: KnownWords | None
) -> tuple[str, ...]:
    """The speakers who mostly say words that the model was not trained on, if it found an emotion of theirs.

    There are none where it is not known which words those are.
    """
    if words is None:
        return ()
    found = {speaker for speaker, scores in zip(dialogue.speakers, emotion_scores, strict=True) if scores is not None}
    return tuple(speaker for speaker in words.unfamiliar_speakers(dialogue) if speaker in found)


def notes_on_unfamiliar(unfamiliar: Sequence[str], dialogue: Dialogue) -> Iterator[str]:
    """Say what is known: that the words are new to the model, not that it cannot read them."""
    if unfamiliar:
        who = "is" if len(unfamiliar) == len(set(dialogue.speakers)) else _listed(unfamiliar)
        yield (
            f"most of what {who} said is in words that the model was not trained on; how well it reads them is not "
            "known, so the emotions there are marked as uncertain"
        )


def _listed(names: Sequence[str]) -> str:
    """List the first three names.

    >>> _listed(["Ana"]), _listed(["Ana", "Ben"]), _listed(list("ABCDE"))
    ('Ana', 'Ana and Ben', 'A, B, C and 2 more')
    """
    shown = list(map(printable_name, names[:_MAX_NAMED]))
    if len(names) > _MAX_NAMED:
        shown.append(f"{len(names) - _MAX_NAMED:,} more")
    *first, last = shown
    return f"{', '.join(first)} and {last}" if first else last


def why_uncertain(analysis: AnalysisValues) -> str:
    """Why emotions of this analysis are marked as uncertain: all reasons that apply."""
    reasons = [f"probability below {analysis.uncertain_below:.2f}"] if analysis.uncertain_below else []
    if analysis.unfamiliar_speakers:
        reasons.append("most words of the speaker new to the model")
    return " or ".join(reasons)


def doubts(analysis: AnalysisValues) -> tuple[str, ...]:
    """Why the emotion of each utterance is uncertain; "" where it is not."""
    unfamiliar = set(analysis.unfamiliar_speakers)
    return tuple(_doubt(analysis, i, unfamiliar) if uncertain else "" for i, uncertain in enumerate(analysis.uncertain))


def _doubt(analysis: AnalysisValues, utterance_index: int, unfamiliar: Set[str]) -> str:
    if analysis.dialogue.utterances[utterance_index].speaker in unfamiliar:
        return "most of what this speaker says is in words that the model was not trained on"
    return f"the probability is below {analysis.uncertain_below:.2f}"


def tell_flip_shares(analysis: AnalysisValues) -> str:
    """Tell how often pairs of val with flip probabilities as those found here were flips; "" if it is not known."""
    found = [each.probability for each in analysis.flips if each.probability is not None]
    shares = [each for each in analysis.flip_shares if any(each.low <= share < each.high for share in found)]
    if not shares:
        return ""
    first, *others = shares
    told = [
        f"of {first.num:,} pairs given a flip probability of {first.low:.1f} to {first.high:.1f}, "
        f"{first.share_flips:.0%} were flips",
        *(f"of {each.num:,} given {each.low:.1f} to {each.high:.1f}, {each.share_flips:.0%}" for each in others),
    ]
    return f"In the model's validation dialogues, {'; '.join(told)}."

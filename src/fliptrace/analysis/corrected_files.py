"""Corrected conversations in the layouts of corpora, to train on them and to score predictions of them.

ERC: one entry per conversation, with its emotions; corpora/masac_erc.py reads it. EFR: one entry per flip, the dialogue
up to its target, with its triggers; corpora/efr.py reads it. Unknown triggers are null: an unlabelled case.
"""

from __future__ import annotations

from fliptrace.analysis.corrections import CorrectedDialogue
from fliptrace.core.errors import InputError
from fliptrace.core.files import Json
from fliptrace.corpora.corpus_writer import corpus_entry, trigger_flags
from fliptrace.inference.flips import show_flip

MAX_EFR_CHARACTERS = 20_000_000  # every flip repeats its dialogue, so that a file grows with the square


def erc_entry(corrected: CorrectedDialogue) -> Json:
    """The whole dialogue with its emotions. Its flips are those between the emotions: it has no place for others."""
    return corpus_entry(corrected.dialogue)


def efr_entries(corrected: CorrectedDialogue) -> list[Json]:
    """One entry per flip, in the order of their targets; InputError if they would take more than 20 MB.

    Source and target have the labels of the flip, which may differ from their emotions (inference/flips.py).
    """
    _check_size(corrected)
    entries = []
    for each in corrected.flips:
        target, triggers = each.flip.target, each.triggers
        entry = corpus_entry(show_flip(corrected.dialogue, each.flip), target + 1)
        entries.append(entry | {"triggers": None if triggers is None else trigger_flags(triggers, target)})
    return entries


def _check_size(corrected: CorrectedDialogue) -> None:
    ends, total = [], 0
    for utterance in corrected.dialogue.utterances:
        total += len(utterance.speaker) + len(utterance.text)
        ends.append(total)
    size = sum(ends[each.flip.target] for each in corrected.flips)
    if size > MAX_EFR_CHARACTERS:
        message = f"{len(corrected.flips):,} flips of a long conversation take {size:,} characters in the EFR layout"
        raise InputError(corrected.dialogue.id, f"{message}; expected at most {MAX_EFR_CHARACTERS:,}")

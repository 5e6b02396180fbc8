"""EFR cases are prefixes of dialogues that nobody wrote down whole; a trunk is the longest prefix there is.

35,000 utterance rows of MELD-FR train are 8,641 distinct ones: emotions are scored once a trunk, triggers once a flip.
"""

from __future__ import annotations

from collections.abc import Sequence

from fliptrace.dialogue import Dialogue
from fliptrace.flips import FlipCase


def find_trunks(cases: Sequence[FlipCase]) -> tuple[Dialogue, ...]:
    """For each case, in order, a longest dialogue among the cases that begins with all of the case's own.

    Where cases go on differently after it, one of them is chosen, the same one whatever the order of the cases.
    """
    keys = [tuple((u.speaker, u.text, u.emotion or "") for u in case.dialogue.utterances) for case in cases]
    # Sorted, all that begin with a dialogue stand right behind it, so backwards one look at the neighbour is enough.
    order = sorted(range(len(cases)), key=lambda index: keys[index], reverse=True)
    trunk_of = dict.fromkeys(order, 0)
    for later, index in zip([None, *order], order, strict=False):
        begins = later is not None and keys[later][: len(keys[index])] == keys[index]
        trunk_of[index] = trunk_of[later] if later is not None and begins else index
    return tuple(cases[trunk_of[index]].dialogue for index in range(len(cases)))

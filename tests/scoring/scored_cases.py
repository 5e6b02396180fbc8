"""Small predictions for the scoring tests: two speakers take turns, the target's speaker moves from neutral to joy."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from fliptrace.flips import Flip
from fliptrace.messages import AnomalyKind, Answer
from fliptrace.predictions import Prediction
from fliptrace.voting import Vote, vote


def prediction(
    id: str,
    named: Iterable[int] | None,
    gold: Iterable[int] | None,
    *,
    target: int = 4,
    group: str | None = None,
    known_from: int = 0,
    after: str = "joy",
    anomalies: tuple[AnomalyKind, ...] = (),
) -> Prediction:
    """One case of Ana and Ben in turn, Ana's at the target; `named` None is an answer that nobody could read."""
    num_utterances = target + 1
    value = None if named is None else frozenset(named)
    return Prediction(
        id=id,
        dialogue_id=id,
        group=id if group is None else group,
        corpus="toy",
        split="val",
        speakers=tuple("Ana" if (target - i) % 2 == 0 else "Ben" for i in range(num_utterances)),
        emotions=("neutral",) * target + (after,),
        flip=Flip("Ana", target - 2, target, "neutral", after),
        known_from=known_from,
        gold=None if gold is None else frozenset(gold),
        vote=vote([value], num_utterances) if value is not None else Vote(frozenset(), (0.0,) * num_utterances, 0, 1),
        answers=(Answer(value, "Triggers: ...", anomalies),),
    )


@st.composite
def predictions(draw: st.DrawFn, max_size: int = 12) -> list[Prediction]:
    """Cases with any triggers and answers, some of them in one group."""
    rows = []
    for position in range(draw(st.integers(1, max_size))):
        target = draw(st.integers(2, 8))
        utterances = st.sets(st.integers(0, target))
        rows.append(
            prediction(
                f"case-{position}",
                draw(utterances),
                draw(utterances),
                target=target,
                group=draw(st.sampled_from("abc")),
                known_from=draw(st.integers(0, target)),
            )
        )
    return rows

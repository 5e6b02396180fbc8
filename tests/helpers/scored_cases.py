"""Small predictions for the scoring tests: two speakers take turns, and one flips from neutral to joy."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from fliptrace.core.flips import Flip
from fliptrace.core.messages import AnomalyKind, Answer
from fliptrace.core.voting import Vote, vote
from fliptrace.predictions.rows import Prediction
from fliptrace.predictions.unified_rows import GoldFlip, PredictedFlip, UnifiedPrediction


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
    """One case in which Ana and Ben take turns and Ana says the target; `named` None is an unparsed answer."""
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
    """Predictions with any triggers and answers, some of them in the same group."""
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


GOLD_EMOTIONS = ("neutral", "neutral", "joy", "anger", "joy", "neutral")
FOUND_EMOTIONS = ("neutral", "neutral", "joy", "neutral", "anger", "joy")


def _flip(speaker: str, source: int, target: int, emotions: tuple[str, ...]) -> Flip:
    return Flip(speaker, source, target, emotions[source], emotions[target])


def _found(speaker: str, source: int, target: int, named: Iterable[int]) -> PredictedFlip:
    triggers = frozenset(named)
    support = tuple(float(i in triggers) for i in range(6))
    return PredictedFlip(
        _flip(speaker, source, target, FOUND_EMOTIONS), Vote(triggers, support, 1, 1), (Answer(triggers, ""),)
    )


# Ana and Ben take turns. One flip is found, with half of its named triggers right; one is missed; one found flip is
# wrong; and one flip is found whose triggers are not labelled.
UNIFIED = UnifiedPrediction(
    id="tea",
    group="tea",
    corpus="toy",
    split="val",
    speakers=("Ana", "Ben") * 3,
    gold=GOLD_EMOTIONS,
    emotions=FOUND_EMOTIONS,
    gold_flips=(
        GoldFlip(_flip("Ana", 0, 2, GOLD_EMOTIONS), frozenset({1})),
        GoldFlip(_flip("Ben", 1, 3, GOLD_EMOTIONS), frozenset({2, 3})),
        GoldFlip(_flip("Ben", 3, 5, GOLD_EMOTIONS), None),
    ),
    flips=(_found("Ana", 0, 2, {1, 2}), _found("Ana", 2, 4, {3}), _found("Ben", 3, 5, {4})),
)

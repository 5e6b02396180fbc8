"""How a model is prompted and decoded: the configuration of one inference run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json
from fliptrace.models.base import Decoding
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.predictions.rows import EmotionsFrom
from fliptrace.prompts.answers import Ask
from fliptrace.prompts.views import Layout, LayoutName


@dataclass(frozen=True, slots=True)
class InferenceConfig:
    """How cases are shown, what is asked, how answers are decoded, and whether the model judges its own answers.

    `threshold` is the support from which an utterance is named a trigger: a share of votes, or a probability where
    decoding is exact. `emotions_from` says whose emotions the cases carry; it changes no prompt and is written to every
    row. `emotion_weights`, `emotion_temperature`, `same_label_odds` and `flip_threshold` are those of
    checkpoints.InferenceDefaults. `stop_early` stops sampling a case once no further reply can change its triggers;
    support is then that of the replies so far.
    """

    layout: Layout = field(default_factory=Layout)
    ask: Ask = "answer"
    decoding: Decoding = field(default_factory=Decoding)
    judge: bool = False
    threshold: float = 0.5
    emotions_from: EmotionsFrom = "gold"
    emotion_weights: Mapping[str, float] = field(default_factory=dict)
    stop_early: bool = False
    emotion_temperature: float = 1.0
    same_label_odds: float = 1.0
    flip_threshold: float | None = None

    def to_json(self) -> Json:
        """Return the configuration as a manifest holds it.

        Settings of flip probabilities are left out where they change nothing, so that files made before these settings
        existed are recognized as made with the same configuration.
        """
        unchanged = {"emotion_temperature": 1.0, "same_label_odds": 1.0, "flip_threshold": None}
        return {name: value for name, value in asdict(self).items() if (name, value) not in unchanged.items()}


def resolve_config(
    defaults: InferenceDefaults,
    decoding: Decoding,
    *,
    ask: Ask | None = None,
    layout: LayoutName | None = None,
    judge: bool = False,
    threshold: float | None = None,
    stop_early: bool = False,
    flip_threshold: float | None = None,
    samples_exactly: bool = False,
) -> InferenceConfig:
    """The configuration for a model with these defaults; None keeps the default.

    `samples_exactly`: exact decoding of this model scores sampled answers, so `num_samples` matters to it. InputError
    on a threshold outside 0 to 1, on judging under exact decoding, and on stopping early where nothing is sampled.
    """
    share = defaults.threshold(decoding.kind) if threshold is None else threshold
    for name, value in (("threshold", share), ("min_flip_probability", flip_threshold)):
        if value is not None and not 0 < value <= 1:
            raise InputError(name, f"{value}: expected more than 0 and at most 1")
    if judge and decoding.kind == "exact":
        raise InputError("judge", "exact decoding gives probabilities, no answer to judge; expected greedy or sample")
    if stop_early and decoding.kind != "sample":
        raise InputError("stop_early", f"{decoding.kind} decoding draws no samples that vote; expected sample")
    shown, asked = replace(defaults.layout, name=layout or defaults.layout.name), ask or defaults.ask
    if decoding.kind == "exact" and asked == "answer" and not samples_exactly:
        decoding = replace(decoding, num_samples=1)  # nothing is sampled, whatever number was given
    return InferenceConfig(
        shown,
        asked,
        decoding,
        judge,
        share,
        emotion_weights=defaults.emotion_weights,
        stop_early=stop_early,
        emotion_temperature=defaults.emotion_temperature,
        same_label_odds=defaults.same_label_odds,
        flip_threshold=defaults.flip_threshold if flip_threshold is None else flip_threshold,
    )

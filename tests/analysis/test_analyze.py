"""From a dialogue to its analysis: given emotions are kept, flips are found, and uncertainty is reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from keyword_scorer import KeywordScorer, keyword_model
from run_inference import name_triggers

from fliptrace.analysis.analyze import analyze
from fliptrace.analysis.result import Analysis
from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MASAC8, MELD7
from fliptrace.core.errors import InputError
from fliptrace.core.flips import FlipCase, find_flips
from fliptrace.core.messages import Message
from fliptrace.inference.config import InferenceConfig
from fliptrace.models.base import Choice, Completion, Decoding, Model, Request, make_decoding
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.models.known_words import KnownWords
from fliptrace.models.open_model import OpenModel, open_model
from fliptrace.models.scripted import ScriptedModel
from fliptrace.prompts.views import Layout
from fliptrace.transcripts.transcript import Transcript

LINES = (
    ("Ana", "I'm so happy, it works!", "joy"),
    ("Ben", "It did until I sat on it.", "neutral"),
    ("Ana", "How dare you?", "anger"),
    ("Ben", "I'm sorry.", "sadness"),
    ("Ana", "Never mind, I'm happy with the old one.", "joy"),
)
BARE = Dialogue("sofa", "sofa", tuple(Utterance(who, text) for who, text, _ in LINES), MASAC8)
LABELLED = BARE.with_emotions(tuple(emotion for *_, emotion in LINES))


def targets(analysis: Analysis) -> list[int]:
    return [found.flip.target for found in analysis.flips]


def test_a_bare_dialogue_gets_emotions_flips_triggers_and_reasons() -> None:
    analysis = analyze(BARE, keyword_model())
    assert analysis.dialogue == LABELLED
    assert [found.flip for found in analysis.flips] == list(find_flips(LABELLED))
    assert [sorted(found.triggers) for found in analysis.flips] == [[1], [2], [3]]
    assert all(found.reason and found.reason_by == "template" for found in analysis.flips)
    assert (analysis.model, analysis.threshold, analysis.notes) == ("keywords", 0.5, ())


def test_scores_are_probabilities_of_every_label() -> None:
    for scores in analyze(BARE, keyword_model()).emotion_scores:
        assert scores is not None and tuple(scores) == MASAC8.labels
        assert sum(scores.values()) == pytest.approx(1, abs=1e-5)


def test_support_is_the_probability_that_an_utterance_is_named() -> None:
    found = analyze(BARE, keyword_model()).flips[0]
    assert found.support[1] == pytest.approx(0.69, abs=0.02)  # 0.65 and 0.04 of about 0.99
    assert found.support[2] == pytest.approx(0.24, abs=0.02)
    assert found.support[3:] == (0, 0)


def test_a_lower_threshold_names_more_triggers() -> None:
    analysis = analyze(BARE, keyword_model(), threshold=0.2)
    assert (sorted(analysis.flips[0].triggers), analysis.threshold) == ([1, 2], 0.2)


SHARE = 0.9 / (0.9 + 7e-4)  # of the label that the keyword model sees; the seven others share the rest alike
DIFFER = 1 - (2 * SHARE + 6 * (1 - SHARE) / 7) * (1 - SHARE) / 7  # of two utterances with different keywords


def test_a_flip_has_the_probability_that_its_emotions_differ() -> None:
    assert [found.probability for found in analyze(BARE, keyword_model()).flips] == [
        pytest.approx(DIFFER, abs=1e-6)
    ] * 3


def test_a_speaker_who_keeps_an_emotion_makes_a_flip_less_probable() -> None:
    model = keyword_model()
    keeping = replace(model, defaults=replace(model.defaults, same_label_odds=50.0))
    expected = DIFFER / (50 * (1 - DIFFER) + DIFFER)
    assert [found.probability for found in analyze(BARE, keeping).flips] == [pytest.approx(expected, abs=1e-6)] * 3
    assert analyze(BARE, keeping).emotion_scores == analyze(BARE, model).emotion_scores


def test_a_given_emotion_is_certain() -> None:
    half = BARE.with_emotions(("joy", None, None, None, None))
    first = analyze(half, keyword_model()).flips[0]
    assert first.probability == pytest.approx(1 - (1 - SHARE) / 7, abs=1e-6)
    assert [found.probability for found in analyze(LABELLED, open_model("rule:previous")).flips] == [1.0] * 3


def test_flips_are_reported_from_the_minimum_probability() -> None:
    calm = replace(BARE, utterances=(*BARE.utterances, Utterance("Ana", "So happy.")))
    same = 1 - SHARE**2 - (1 - SHARE) ** 2 / 7  # of two utterances with the same keyword
    lower, higher = (analyze(calm, keyword_model(), min_flip_probability=same + step) for step in (-1e-5, 1e-5))
    assert (targets(lower), targets(higher)) == ([2, 3, 4, 5], [2, 3, 4])
    assert lower.flips[3].probability == pytest.approx(same, abs=1e-6)
    assert (lower.flips[3].flip.before, lower.dialogue.emotions[4:]) == ("anger", ("joy", "joy"))
    assert lower.flip_threshold == same - 1e-5
    assert targets(analyze(calm, keyword_model(), min_flip_probability=1.0)) == []


def test_the_models_own_threshold_is_used_unless_another_is_given() -> None:
    defaults = InferenceDefaults(Layout("window"), flip_threshold=1.0, uncertain_below=0.9995)
    model = replace(keyword_model(), defaults=defaults)
    assert targets(analyze(BARE, model)) == []
    assert targets(analyze(BARE, model, min_flip_probability=0.9)) == [2, 3, 4]
    assert analyze(BARE, model).uncertain == (True,) * 5
    assert analyze(BARE, keyword_model()).uncertain == (False,) * 5
    assert analyze(LABELLED, model).uncertain == (False,) * 5


GERMAN = (
    "Mein Bruder hat schon wieder den Schlüssel verloren, und niemand macht die Tür auf.",
    "Dann warten wir eben draußen, so schlimm ist das auch wieder nicht.",
)


def taught_english() -> OpenModel:
    texts = [utterance.text for utterance in BARE.utterances]
    model = keyword_model()
    return replace(model, model=replace(model.model, words=KnownWords.learn([*texts, *(f"{t} Again." for t in texts)])))


def test_who_speaks_in_words_that_the_model_was_not_trained_on_is_named_and_unsure() -> None:
    assert analyze(BARE, taught_english()).unfamiliar_speakers == ()
    strange = replace(BARE, utterances=(*BARE.utterances, *(Utterance("Cem", text) for text in GERMAN)))
    analysis = analyze(strange, taught_english())
    assert analysis.unfamiliar_speakers == ("Cem",)
    assert analysis.uncertain == (False,) * 5 + (True,) * 2
    assert [note for note in analysis.notes if note.startswith("most of what Cem said is in words that the model was")]
    assert analyze(strange, keyword_model()).unfamiliar_speakers == ()  # it is not known what this one was trained on
    given = strange.with_emotions((None,) * 5 + ("anger", "neutral"))
    assert analyze(given, taught_english()).unfamiliar_speakers == ()


@pytest.mark.parametrize(
    ("who", "told"),
    [
        ("AABBBB", "most of what is said is in words"),
        ("AaBbCc", "most of what is said is in words"),
        ("AaBbCcDd-", "most of what A, B, C and 1 more said is in words"),
    ],
)
def test_all_who_speak_in_unfamiliar_words_are_told_in_one_note(who: str, told: str) -> None:
    said = (Utterance(name.upper(), "I'm sorry." if name == "-" else GERMAN[name.islower()]) for name in who)
    notes = analyze(replace(BARE, utterances=tuple(said)), taught_english()).notes
    assert len([note for note in notes if note.startswith(told)]) == 1


@pytest.mark.parametrize("share", [0.0, -0.1, 1.5])
def test_a_minimum_outside_0_to_1_is_refused(share: float) -> None:
    with pytest.raises(InputError, match=r"min_flip_probability: .*expected more than 0 and at most 1"):
        analyze(BARE, keyword_model(), min_flip_probability=share)


class Writer:
    """Writes the same rationale for every flip, and records which it was asked about."""

    name = "writer"
    text = "flip joy to anger\n1 A neutral, as before\n0 self anger, new\n1 yes\n0 no\nTriggers: 1"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def complete(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        self.asked += [request.key for request in requests]
        return [(Completion(self.text, 1, 1),) for _ in requests]

    def fits(self, messages: tuple[Message, ...], max_new_tokens: int) -> bool:
        return True


@pytest.mark.parametrize(("most", "num_asked"), [(0, 0), (1, 1), (20, 3)])
def test_a_model_that_also_writes_gives_rationales_of_the_surest_flips(most: int, num_asked: int) -> None:
    """The prompt confirms what it writes of the first flip alone."""
    writer = Writer()
    model = OpenModel(Model("both", chat=writer, scorer=KeywordScorer()), "both", InferenceDefaults(Layout("window")))
    analysis = analyze(BARE, model, num_rationales=most)
    assert len(writer.asked) == num_asked
    reasons = [found.reason for found in analysis.flips if found.reason_by == "model"]
    assert reasons == ["[2] is said by somebody else with neutral, no shift for them."][:num_asked]


def test_a_rationale_for_other_triggers_is_not_shown() -> None:
    writer = Writer()
    writer.text = writer.text.replace("Triggers: 1", "Triggers: 0")
    model = Model("both", chat=writer, scorer=KeywordScorer())
    analysis = analyze(BARE, OpenModel(model, "both", InferenceDefaults(Layout("window"))))
    assert {found.reason_by for found in analysis.flips} == {"template"}


def test_given_emotions_are_kept_and_the_others_labelled() -> None:
    half = BARE.with_emotions((None, "disgust", None, None, "fear"))
    analysis = analyze(half, keyword_model())
    assert analysis.dialogue.emotions == ("joy", "disgust", "anger", "sadness", "fear")
    assert [scores is None for scores in analysis.emotion_scores] == [False, True, False, False, True]
    assert analysis.notes == ("2 of 5 emotions come from the transcript, the others from the model",)


def test_a_labelled_transcript_asks_for_no_emotion() -> None:
    scorer = KeywordScorer()
    analysis = analyze(
        LABELLED, OpenModel(Model("keywords", scorer=scorer), "keywords", InferenceDefaults(Layout("window")))
    )
    assert analysis.emotion_scores == (None,) * 5
    assert scorer.asked and not [key for key in scorer.asked if "emotion" in key]


def test_a_rule_names_triggers_of_a_labelled_transcript() -> None:
    analysis = analyze(LABELLED, open_model("rule:previous"))
    assert [found.triggers for found in analysis.flips] == [{1}, {2}, {3}]
    assert analysis.flips[1].reason == "Ana turned from joy to anger just before Ben turned to sadness (support 1.00)."


def test_a_rule_cannot_label_emotions_and_says_so() -> None:
    with pytest.raises(InputError, match="5 of 5 utterances have no emotion, and rule:previous reads no text"):
        analyze(BARE, open_model("rule:previous"))


def test_what_the_transcripts_reader_noted_stays_with_the_analysis() -> None:
    analysis = analyze(Transcript(LABELLED, "vtt", ("nobody is named",)), open_model("rule:previous"))
    assert (analysis.format, analysis.notes[0]) == ("vtt", "nobody is named")
    assert "all emotions come from the transcript" in analysis.notes


def test_a_dialogue_without_flips_has_an_analysis() -> None:
    analysis = analyze(BARE.with_emotions(("neutral",) * 5), keyword_model())
    assert analysis.flips == () and analysis.consequences == {}


def test_one_utterance_is_a_dialogue() -> None:
    one = replace(BARE, utterances=BARE.utterances[:1])
    assert analyze(one, keyword_model()).flips == ()


def test_progress_tells_what_and_how_far() -> None:
    steps: list[tuple[str, int, int]] = []
    analyze(BARE, keyword_model(), on_progress=lambda *step: steps.append(step))
    assert steps == [("emotions", 0, 5), ("emotions", 5, 5), *[("flips", i, 3) for i in range(4)]]


def test_a_smaller_emotion_set_is_kept_to() -> None:
    analysis = analyze(replace(BARE, emotion_set=MELD7), keyword_model())
    assert "contempt" not in (analysis.emotion_scores[0] or {})


def test_a_model_that_only_talks_is_asked_greedily_and_gives_its_own_reasons() -> None:
    labels = "\n".join(f"[{number}] {emotion}" for number, (*_, emotion) in enumerate(LINES, start=1))
    model = ScriptedModel(
        by_key={"sofa/0/emotions": [labels]},
        by_text={"Which utterances triggered": ["Ben sat on it in [2].\nTriggers: 2"]},
    )
    analysis = analyze(BARE, OpenModel(model.as_model(), "scripted"))
    assert analysis.dialogue == LABELLED
    assert analysis.emotion_scores == (None,) * 5
    assert [(found.reason, found.reason_by) for found in analysis.flips] == [("Ben sat on it in [2].", "model")] * 3
    assert [found.probability for found in analysis.flips] == [None] * 3
    asked = analyze(BARE, OpenModel(model.as_model(), "scripted"), min_flip_probability=0.9)
    assert [found.flip for found in asked.flips] == [found.flip for found in analysis.flips]
    assert asked.notes == (
        "3 of 3 flips: the model gives no probabilities, so they are reported wherever its labels differ, whatever the "
        "minimum of 0.9",
    )


def test_replies_that_cannot_be_parsed_are_counted() -> None:
    model = ScriptedModel(
        by_key={f"sofa/{i}/emotion": [f"Emotion: {emotion}"] for i, (*_, emotion) in enumerate(LINES[:4])},
        by_text={"Which emotion": ["Who knows?"], "Which utterances": ["Hard to say."]},
    )
    analysis = analyze(BARE, OpenModel(model.as_model(), "scripted"))
    assert analysis.dialogue.emotions[4] == "neutral"
    assert analysis.notes == (
        "1 of 5 emotions: the reply could not be parsed; neutral is used. The first replies: Who knows?",
        "3 of 3 flips: no answer could be parsed, so no trigger is named. The first replies: "
        "Hard to say. | Hard to say. | Hard to say.",
    )


def long_dialogue(num_utterances: int) -> Dialogue:
    texts = ("How dare you?", "I'm happy.", "Well.", "I'm so scared.", "Is it?", "I'm sorry.", "Fine.")
    utterances = tuple(
        Utterance(("Ana", "Ben", "Cleo", "Ana", "Ben")[i % 5], f"{texts[i * i % 7]} {i}") for i in range(num_utterances)
    )
    return Dialogue("long", "long", utterances, MASAC8)


def test_a_part_of_a_long_dialogue_gives_the_answer_of_the_whole() -> None:
    analysis = analyze(long_dialogue(60), keyword_model())
    whole = analysis.dialogue
    cases = [FlipCase(f"long/{found.flip.target}", whole, found.flip) for found in analysis.flips]
    config = InferenceConfig(Layout("window"), decoding=make_decoding(kind="exact"))
    predictions = list(name_triggers(KeywordScorer(), cases, config))
    assert len(predictions) > 20
    assert [found.triggers for found in analysis.flips] == [each.vote.triggers for each in predictions]
    assert [found.support for found in analysis.flips] == [each.vote.support for each in predictions]


@dataclass
class NarrowScorer(KeywordScorer):
    """A scorer with a context of 2,000 characters of prompt."""

    def fits(self, messages: tuple[Message, ...], max_new_tokens: int) -> bool:
        return sum(len(message.content) for message in messages) <= 2_000

    def score_replies(self, choices: Sequence[Choice]) -> list[tuple[float, ...]]:
        assert all(self.fits(choice.messages, 0) for choice in choices)
        return super().score_replies(choices)


@pytest.mark.parametrize("text", ["x" * 10_000, "👍" * 10_000, "12" * 5_000], ids=["a word", "emoji", "digits"])
def test_an_utterance_as_long_as_allowed_is_cut_for_the_model_alone(text: str) -> None:
    utterances = (*BARE.utterances[:3], Utterance("Ben", f"I'm sorry. {text}"), *BARE.utterances[4:])
    dialogue = replace(BARE, utterances=utterances)
    model = OpenModel(Model("narrow", scorer=NarrowScorer()), "narrow", InferenceDefaults(Layout("window")))
    analysis = analyze(dialogue, model)
    assert analysis.dialogue == dialogue.with_emotions(LABELLED.emotions)
    assert [found.flip for found in analysis.flips] == list(find_flips(analysis.dialogue))
    assert analysis.notes[0] == "too long for the model, which read only the beginning: 1 utterances ([4])"


def test_an_utterance_of_many_words_is_read_as_the_layout_shows_it() -> None:
    utterances = (*BARE.utterances[:4], Utterance("Ana", "happy days " * 900))
    model = OpenModel(Model("narrow", scorer=NarrowScorer()), "narrow", InferenceDefaults(Layout("window")))
    assert analyze(replace(BARE, utterances=utterances), model).notes == ()

"""Evidence in an analysis: for which flips and models it is measured, and how it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from analyses import two_friends
from keyword_scorer import KeywordScorer, keyword_model
from numpy.typing import NDArray
from rich.console import Console

from fliptrace.analysis import evidence as evidence_module
from fliptrace.analysis.analyze import analyze
from fliptrace.analysis.evidence import EvidenceFor
from fliptrace.analysis.page import render_page
from fliptrace.analysis.reasons import tell_evidence
from fliptrace.analysis.result import Analysis
from fliptrace.analysis.values import FoundFlip
from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.core.errors import InputError
from fliptrace.core.flips import Flip, FlipCase
from fliptrace.core.support import Support
from fliptrace.inference.evidence import Evidence
from fliptrace.models.base import Model
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.models.open_model import OpenModel, open_model
from fliptrace.models.scripted import ScriptedModel
from fliptrace.prompts.views import Layout
from fliptrace.report.terminal.analysis import analysis_view

FEELINGS = EmotionSet("two", ("neutral", "anger"))
TEXTS = ("Hello, Theo.", "I lent out your bike.", "You did what?", "To a stranger.", "Get it back!", "I will try.")
CALL = Dialogue(
    "call", "call", tuple(Utterance(("Leila", "Theo")[i % 2], text) for i, text in enumerate(TEXTS)), FEELINGS
)


@dataclass
class Reader:
    """Finds anger by what stands before: 0.125, and for each text of `weights` within `context` its weight more.

    The utterance before the target is a trigger with 0.75, the target with 0.5, all before with 0.25.
    """

    weights: Mapping[str, float] = field(default_factory=lambda: {"I lent out your bike.": 0.5, "Get it back!": 0.25})
    context: int = 3
    window: int = 8
    name: str = "reader"
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def read_emotions(self, dialogues: Sequence[Dialogue]) -> Iterator[NDArray[np.float32]]:
        self.asked += [tuple(utterance.text for utterance in dialogue.utterances) for dialogue in dialogues]
        for dialogue in dialogues:
            anger = [self._anger(dialogue, i) for i in range(len(dialogue))]
            yield np.array([(1 - share, share) for share in anger], dtype=np.float32)

    def _anger(self, dialogue: Dialogue, target: int) -> float:
        if dialogue.speakers[target] == "Theo":
            return 0.0
        said = dialogue.utterances[max(0, target - self.context) : target + 1]
        return 0.125 + sum(self.weights.get(utterance.text, 0) for utterance in said)

    def support_triggers(self, cases: Sequence[FlipCase]) -> list[tuple[float, ...]]:
        return [tuple(_support(i, case.flip.target) for i in range(len(case.dialogue))) for case in cases]

    def find_overlong(self, dialogues: Sequence[Dialogue]) -> list[frozenset[int]]:
        return [frozenset()] * len(dialogues)


def _support(index: int, target: int) -> float:
    return 0.0 if index > target else {0: 0.5, 1: 0.75}.get(target - index, 0.25)


def opened(reader: Reader) -> OpenModel:
    return OpenModel(Model("reader", reader=reader), "reader", InferenceDefaults())


def measured(analysis: Analysis) -> list[tuple[Evidence, ...]]:
    return [found.evidence for found in analysis.flips]


def test_a_reader_measures_the_triggers_by_default_and_leaves_no_target_out() -> None:
    reader = Reader()
    [found] = analyze(CALL, opened(reader)).flips
    assert (found.flip, found.triggers) == (Flip("Leila", 0, 2, "neutral", "anger"), {1, 2})
    assert found.evidence == (Evidence(1, 0.625, 0.125),)
    assert reader.asked == [TEXTS, TEXTS[:3], (TEXTS[0], TEXTS[2])]


def test_all_candidates_of_all_flips_are_measured_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence_module, "NUM_FLIPS", 0)
    [found] = analyze(CALL, opened(Reader()), evidence="all").flips
    assert found.evidence == (Evidence(0, 0.625, 0.625), Evidence(1, 0.625, 0.125))
    assert measured(analyze(CALL, opened(Reader()), evidence="triggers")) == [()]


def test_no_evidence_is_measured_where_none_is_wanted() -> None:
    reader = Reader()
    assert measured(analyze(CALL, opened(reader), evidence="none")) == [()]
    assert reader.asked == [TEXTS]


def test_the_surest_flips_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence_module, "NUM_FLIPS", 1)
    reader = Reader({TEXTS[1]: 0.5, TEXTS[4]: 0.375}, context=1)
    analysis = analyze(CALL, opened(reader), min_flip_probability=0.01)
    assert [(found.flip.target, found.probability) for found in analysis.flips] == [(2, 0.59375), (4, 0.5)]
    assert measured(analysis) == [(Evidence(1, 0.625, 0.125),), ()]


def test_the_transcripts_own_emotions_have_no_evidence() -> None:
    reader = Reader()
    given = CALL.with_emotions((None, None, "anger", None, None, None))
    assert measured(analyze(given, opened(reader))) == measured(analyze(given, opened(reader), evidence="all"))
    assert measured(analyze(given, opened(reader)))[0] == ()
    whole = CALL.with_emotions(("neutral", "neutral", "anger", "neutral", "anger", "neutral"))
    assert measured(analyze(whole, opened(reader))) == [()]
    assert set(reader.asked) == {TEXTS}


def test_evidence_that_cannot_be_measured_is_an_error_only_if_it_was_asked_for() -> None:
    whole = CALL.with_emotions(("neutral", "neutral", "anger", "neutral", "anger", "neutral"))
    with pytest.raises(InputError, match="call: holds all emotions; evidence is measured on emotions that a model"):
        analyze(whole, open_model("rule:previous"), evidence="triggers")
    assert measured(analyze(whole, open_model("rule:previous"))) == [()]
    talker = OpenModel(ScriptedModel(default=["Emotion: anger"]).as_model(), "talker")
    with pytest.raises(InputError, match="gives no probabilities of emotions; evidence is measured on them"):
        analyze(CALL, talker, evidence="all")
    assert analyze(CALL, talker).flips == ()


SOFA = ("I'm so happy.", "Well.", "How dare you?")


@pytest.mark.parametrize(("evidence", "num_asked"), [(None, 4), ("none", 4), ("triggers", 8)])
def test_another_model_is_asked_again_on_demand_alone(evidence: EvidenceFor | None, num_asked: int) -> None:
    scorer = KeywordScorer()
    model = OpenModel(Model("keywords", scorer=scorer), "keywords", InferenceDefaults(Layout("window", window=3)))
    dialogue = two_friends(*SOFA).dialogue.with_emotions((None,) * 3)
    [found] = analyze(dialogue, model, evidence=evidence).flips
    assert len(scorer.asked) == num_asked  # three emotions and a flip; the three again, and the last without the second
    share = round(0.9 / 0.9007, 6)
    assert found.evidence == ((Evidence(1, share, share),) if evidence == "triggers" else ())


def test_a_model_that_reads_each_utterance_alone_is_noted() -> None:
    for window, notes in ((2, ()), (1, ("keywords reads the emotion of every utterance alone, so leaving out another "
                                        "changes nothing",))):  # fmt: skip
        layout = Layout("window", emotion_window=window)
        model = OpenModel(Model("keywords", scorer=KeywordScorer()), "keywords", InferenceDefaults(layout))
        dialogue = two_friends(*SOFA).dialogue.with_emotions((None,) * 3)
        assert analyze(dialogue, model, evidence="triggers").notes == notes


WORDY = two_friends("How dare you?", "Well.", "So happy now.", "Well.", "Well, well.", speakers=("Ana", "Ben"))


def test_words_of_sources_and_targets_are_measured_on_demand_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    dialogue = WORDY.dialogue.with_emotions((None,) * 5)
    analysis = analyze(dialogue, keyword_model(), evidence="words")
    assert [found.flip.target for found in analysis.flips] == [2, 4]
    said = [dialogue.utterances[word.utterance_index].text[word.start : word.end] for word in analysis.words]
    assert said == ["dare", "happy"]  # the last one is neutral
    assert measured(analysis) == measured(analyze(dialogue, keyword_model(), evidence="triggers"))
    for other in (None, "triggers", "all", "none"):
        assert analyze(dialogue, keyword_model(), evidence=other).words == ()
    monkeypatch.setattr(evidence_module, "NUM_FLIPS", 0)
    assert analyze(dialogue, keyword_model(), evidence="words").words == ()


def test_of_emotions_that_the_transcript_gives_no_words_are_measured() -> None:
    dialogue = WORDY.dialogue.with_emotions(("anger", None, None, None, None))
    words = analyze(dialogue, keyword_model(), evidence="words").words
    assert {word.utterance_index for word in words} == {2}


def found_flip(*evidence: Evidence, speaker: str = "Leila", after: str = "anger") -> FoundFlip:
    return FoundFlip(
        Flip(speaker, 5, 8, "joy", after),
        frozenset({6, 7}),
        Support.of((0.1,) * 6 + (0.7, 0.8, 0.0)),
        "Why.",
        evidence=evidence,
    )


@pytest.mark.parametrize(
    ("evidence", "sentence"),
    [
        (Evidence(6, 0.61, 0.22), "Without 7, Leila's anger falls from 0.61 to 0.22."),
        (Evidence(6, 0.22, 0.61), "Without 7, Leila's anger rises from 0.22 to 0.61."),
        (Evidence(6, 0.612, 0.608), "Without 7, Leila's anger stays at 0.61: the trigger rests on its position."),
        (
            Evidence(6, 0.61, 0.57),
            "Without 7, Leila's anger hardly moves, from 0.61 to 0.57: the trigger rests on its position.",
        ),
        (Evidence(3, 0.61, 0.5), "Without 4, Leila's anger falls from 0.61 to 0.50."),
    ],
)
def test_what_leaving_an_utterance_out_changes_is_one_sentence(evidence: Evidence, sentence: str) -> None:
    assert tell_evidence(found_flip(evidence), lambda i: str(i + 1)) == (sentence,)


def test_triggers_are_told_first_and_of_the_others_those_that_matter() -> None:
    shares = {1: 0.61, 3: 0.5, 4: 0.3, 6: 0.61, 7: 0.1}
    sentences = tell_evidence(found_flip(*(Evidence(i, 0.61, share) for i, share in shares.items())), str)
    assert [sentence.split(",")[0] for sentence in sentences] == [f"Without {i}" for i in (6, 7, 4, 3)]


def test_names_and_emotions_make_a_sentence() -> None:
    [sentence] = tell_evidence(found_flip(Evidence(6, 1, 0), speaker="\x1b[1mAna\n", after="neutral"), str)
    assert sentence == "Without 6, [1mAna's neutrality falls from 1.00 to 0.00."
    [sentence] = tell_evidence(found_flip(Evidence(6, 1, 0), after="powerful"), str)
    assert sentence == "Without 6, Leila's “powerful” falls from 1.00 to 0.00."


def test_the_page_and_the_terminal_tell_it_below_the_reason() -> None:
    analysis = analyze(CALL, opened(Reader()))
    page = render_page(analysis)
    sentence = '<p class="reason evidence" dir="auto">Without 2, Leila&#39;s anger falls from 0.62 to 0.12.</p>'
    assert page.count(sentence) == page.count("measured on the model by leaving it out") == 1
    assert page.index("sentence built from the decision") < page.index(sentence)
    assert "measured" not in render_page(analyze(CALL, opened(Reader()), evidence="none")).partition("<body>")[2]
    console = Console(width=120, force_terminal=False)
    with console.capture() as capture:
        console.print(analysis_view(analysis))
    told = "   │ Without [2], Leila's anger falls from 0.62 to 0.12. Measured on the model."
    assert told in [line.rstrip() for line in capture.get().splitlines()]


def test_the_json_holds_it_and_is_read_back(tmp_path: Path) -> None:
    analysis = analyze(CALL, opened(Reader()), evidence="all")
    document = analysis.to_json()
    assert document["flips"][0]["evidence"] == [
        {"index": 0, "with_it": 0.625, "without_it": 0.625},
        {"index": 1, "with_it": 0.625, "without_it": 0.125},
    ]
    assert Analysis.from_json(json.loads(json.dumps(document))) == analysis
    del document["flips"][0]["evidence"]
    assert measured(Analysis.from_json(document)) == [()]


@pytest.mark.parametrize(
    ("evidence", "message"),
    [
        ([{"index": 2, "with_it": 0.5, "without_it": 0.5}], "evidence without utterances [2] for the flip at 2"),
        ([{"index": 0, "with_it": 0.5, "without_it": 0.5}] * 2, "evidence without utterances [0, 0] for the flip at 2"),
        ([{"index": 0, "with_it": 1.5, "without_it": 0.5}], "analysis flips.0.evidence.0.with_it"),
    ],
)
def test_evidence_that_cannot_be_is_refused(evidence: object, message: str) -> None:
    document = analyze(CALL, opened(Reader())).to_json()
    document["flips"][0]["evidence"] = evidence
    with pytest.raises(InputError) as raised:
        Analysis.from_json(document)
    assert message in str(raised.value)


def test_evidence_is_a_probability() -> None:
    with pytest.raises(ValueError, match=r"evidence of 0\.5 and 1\.5: expected probabilities from 0 to 1"):
        Evidence(0, 0.5, 1.5)
    assert replace(Evidence(0, 0.5, 0.5), without_it=0.25).change == -0.25

"""The JSON of an analysis is documented, versioned, and read back as it was written."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from analyses import support_call, two_friends
from hypothesis import given, settings
from hypothesis import strategies as st
from keyword_scorer import keyword_model

from fliptrace.analysis.analyze import analyze
from fliptrace.analysis.result import Analysis
from fliptrace.analysis.schema import SCHEMA, json_schema
from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MASAC8
from fliptrace.core.errors import InputError
from fliptrace.inference.word_evidence import WordEvidence
from fliptrace.models.checkpoints import FlipShare

SCHEMA_FILE = Path(__file__).parents[2] / "docs" / "analysis.schema.json"


@st.composite
def dialogues(draw: st.DrawFn) -> Dialogue:
    words = st.sampled_from(
        ["happy", "how dare you", "scared", "ugh", "well", "sorry", "\U0001f600", "\n", "</script>"]
    )
    utterances = draw(
        st.lists(
            st.builds(
                Utterance,
                st.sampled_from(["Ana", "Ben", "=Cleo", "Śarmā"]),
                st.lists(words | st.text(max_size=8), max_size=5).map(" ".join),
                st.none() | st.sampled_from(MASAC8.labels),
                st.none() | st.floats(0, 10, allow_nan=False),
                st.none() | st.floats(10, 20, allow_nan=False),
                st.lists(st.text(max_size=5), max_size=2).map(tuple),
            ),
            min_size=1,
            max_size=12,
        )
    )
    return Dialogue("d", "d", tuple(utterances), MASAC8)


@settings(max_examples=60)
@given(dialogues())
def test_an_analysis_comes_back_as_it_was_written(dialogue: Dialogue) -> None:
    analysis = analyze(dialogue, keyword_model())
    text = json.dumps(analysis.to_json(), ensure_ascii=False, allow_nan=False)
    text.encode()
    assert Analysis.from_json(json.loads(text)) == analysis


def test_the_document_holds_what_it_promises() -> None:
    analysis = replace(support_call(), format="vtt")
    document = analysis.to_json()
    assert document["schema"] == "fliptrace.analysis/1" == SCHEMA
    assert document["transcript"] == {
        "id": analysis.dialogue.id,
        "format": "vtt",
        "notes": ["Emotions were predicted."],
    }
    assert [row["index"] for row in document["utterances"]] == list(range(24))
    flip = next(flip for flip in document["flips"] if flip["target"] == 7)
    assert flip == {
        "speaker": "Ada Okafor",
        "source": 5,
        "target": 7,
        "before": "surprise",
        "after": "anger",
        "probability": None,
        "triggers": [{"index": 4, "support": 0.47}, {"index": 6, "support": 0.81}],
        "candidates": [{"index": 4, "support": 0.47}, {"index": 5, "support": 0.12}, {"index": 6, "support": 0.81}],
        "reason": analysis.flips[3].reason,
        "reason_by": "model",
        "evidence": [],
        "consequences": [8],
    }


def test_the_schema_in_the_docs_is_that_of_the_code() -> None:
    assert json.loads(SCHEMA_FILE.read_text(encoding="utf-8")) == json_schema()


def test_every_field_of_the_schema_that_is_no_plain_name_is_described() -> None:
    plain = {"speaker", "text", "name", "end", "before", "after", "schema", "transcript", "emotion_set", "utterances"}
    parts = [json_schema(), *json_schema()["$defs"].values()]
    assert len(parts) == 10
    for part in parts:
        undescribed = {name for name, field in part["properties"].items() if "description" not in field}
        assert undescribed <= plain


def test_half_an_emoji_is_replaced_so_that_utf8_can_hold_it() -> None:
    document = two_friends("fine \ud83d", "well", "good").to_json()
    assert document["utterances"][0]["text"] == "fine \ufffd"


def test_flips_of_a_model_that_is_unsure_come_back_as_they_were_written() -> None:
    bare = two_friends("happy", "happy", "well", "happy", "happy", "ugh").dialogue.with_emotions((None,) * 6)
    analysis = replace(analyze(bare, keyword_model(), min_flip_probability=0.001), uncertain_below=0.9995)
    document = analysis.to_json()
    assert [flip["target"] for flip in document["flips"]] == [2, 3, 4, 5]  # at 3 both are joy, with 0.9992
    assert [(flip["before"] != flip["after"], flip["probability"] >= 0.001) for flip in document["flips"]] == [
        (True, True)
    ] * 4
    assert (document["flip_threshold"], document["uncertain_below"]) == (0.001, 0.9995)
    assert {row["uncertain"] for row in document["utterances"]} == {True}
    assert Analysis.from_json(json.loads(json.dumps(document))) == analysis


def test_an_analysis_from_before_there_were_probabilities_is_read() -> None:
    document = support_call().to_json()
    del document["flip_threshold"], document["uncertain_below"]
    for part in (*document["utterances"], *document["flips"]):
        part.pop("uncertain", None)
        part.pop("probability", None)
    assert Analysis.from_json(document).flips == support_call().flips


def test_words_shares_and_unfamiliar_speakers_come_back_as_they_were_written() -> None:
    words = (WordEvidence(0, 0, 5, 0.75, 0.25), WordEvidence(0, 6, 10, 0.75, 0.5), WordEvidence(3, 0, 3, 0.9, 0.1))
    shares = (FlipShare(0.5, 0.6, 12, 0.55, 0.5), FlipShare(0.9, 1.0, 3, 0.95, 1.0))
    call = Analysis.from_json(support_call().to_json())  # a dialogue is its own group then
    analysis = replace(call, words=words, flip_shares=shares, unfamiliar_speakers=("Ravi",))
    document = analysis.to_json()
    assert document["utterances"][0]["words"][0] == word(0, 5, "North")
    assert document["flip_shares"][0]["share_flips"] == 0.5
    assert document["utterances"][0]["uncertain"]
    assert Analysis.from_json(json.loads(json.dumps(document))) == analysis
    older = support_call().to_json()
    for name in ("flip_shares", "unfamiliar_speakers"):
        assert older.pop(name) == []
    assert all(part.pop("words") == [] for part in older["utterances"])
    assert Analysis.from_json(older) == call


def unsure(**changes: object) -> Any:
    """The document of a call whose first flip was reported from 0.5, with these changes to that flip."""
    document = copy.deepcopy(support_call().to_json()) | {"flip_threshold": 0.5}
    document["flips"][0] |= changes
    return document


def word(start: int, end: int, said: str) -> dict[str, Any]:
    return {"start": start, "end": end, "word": said, "with_it": 0.75, "without_it": 0.25}


def changed(place: tuple[Any, ...], value: object) -> Any:
    document = copy.deepcopy(support_call().to_json())
    part = document
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    return document


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "schema None; expected 'fliptrace.analysis/1'"),
        (changed(("schema",), "fliptrace.analysis/2"), "schema 'fliptrace.analysis/2'; expected"),
        (changed(("threshold",), "high"), "analysis threshold: "),
        (changed(("utterances", 3, "emotion"), "grumpy"), "unknown emotion 'grumpy'"),
        (changed(("utterances", 3, "emotion"), "joy"), "flips do not match the emotions"),
        (changed(("utterances", 3, "mood"), "joy"), "analysis utterances.3.mood: Extra inputs"),
        (
            changed(("flips", 0, "triggers"), [{"index": 9, "support": 0.5}]),
            "triggers [9] of the flip at 4: expected positions from 0 to the target",
        ),
        (unsure(probability=0.4), "the flip at 4 has a probability of 0.4; expected 0.5 or more"),
        (unsure(probability=1.4), "analysis flips.0.probability"),
        (unsure(probability=0.9, source=1), "the flip at 4 does not follow its speaker's previous utterance"),
        (unsure(probability=0.9, before="joy"), "the flip at 4 does not match the emotions"),
        (unsure(target=8, probability=0.9), "flips have targets"),
        (changed(("utterances", 3, "uncertain"), True), "uncertain does not match"),
        (changed(("unfamiliar_speakers",), ["Zoe"]), "unfamiliar speaker 'Zoe'; expected one of the dialogue"),
        (changed(("utterances", 0, "words"), [word(0, 5, "South")]), "utterance 0 does not have 'South' at 0 to 5"),
        (changed(("utterances", 0, "words"), [word(0, 5, "North")] * 2), "a word at 0 of utterance 0 overlaps"),
        (changed(("utterances", 0, "words"), [word(5, 5, "")]), "expected a word"),
        (
            changed(("flips", 0, "candidates"), [{"index": 99, "support": 0.5}]),
            "support for [99]: expected positions below 24",
        ),
        (changed(("flips", 0, "candidates"), [{"index": 0, "support": float("nan")}]), "candidates.0.support"),
    ],
)
def test_what_is_no_analysis_is_one_clear_error(value: object, message: str) -> None:
    with pytest.raises(InputError) as raised:
        Analysis.from_json(value)
    assert message in str(raised.value)

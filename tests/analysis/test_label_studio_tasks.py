"""Analyses become tasks that Label Studio accepts: a region per utterance, a relation per trigger, and their config."""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from analyses import crowd, support_call, two_friends
from label_studio_project import config_errors, save

from fliptrace.analysis.label_studio import (
    Unshown,
    common_emotion_set,
    label_studio_config,
    label_studio_task,
    read_analysis,
    unshown,
)
from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import EMORYNLP7, MASAC8, MELD7, EmotionSet
from fliptrace.core.errors import InputError

OWN = EmotionSet("calls", ("at ease", "tense", "zufrieden", "half-glad"), neutral="at ease")


def test_an_utterance_is_a_region_and_a_trigger_a_relation_into_the_target() -> None:
    [prediction] = label_studio_task(support_call())["predictions"]
    assert prediction["model_version"] == "runs/reader"
    regions = [each for each in prediction["result"] if each["type"] == "paragraphlabels"]
    assert len(regions) == 24
    assert regions[5] == {
        "id": "utterance-5",
        "from_name": "emotion",
        "to_name": "dialogue",
        "type": "paragraphlabels",
        "score": 0.58,
        "value": {
            "start": "5",
            "end": "5",
            "startOffset": 0,
            "endOffset": 49,
            "text": "Close it? I never asked anyone to close anything!",
            "paragraphlabels": ["surprise"],
        },
    }
    relations = [each for each in prediction["result"] if each["type"] == "relation"]
    into_20 = [each for each in relations if each["to_id"] == "utterance-20"]
    assert [each["from_id"] for each in into_20] == ["utterance-17", "utterance-19", "utterance-20"]
    assert into_20[0] == {
        "type": "relation",
        "from_id": "utterance-17",
        "to_id": "utterance-20",
        "direction": "right",
        "labels": ["triggers"],
    }
    assert len(relations) == sum(len(found.triggers) for found in support_call().flips) == 14


def test_offsets_count_as_javascript_does() -> None:
    task = label_studio_task(two_friends("Hi \U0001f600", "é", "a\nb"))
    assert [each["value"]["endOffset"] for each in task["predictions"][0]["result"][:3]] == [5, 1, 3]


def test_a_prediction_scores_as_its_emotions_on_average_and_without_probabilities_not_at_all() -> None:
    assert label_studio_task(support_call())["predictions"][0]["score"] == pytest.approx(0.7696)
    without = label_studio_task(two_friends("Hi", "Ho", "Ha"))["predictions"][0]
    assert "score" not in without and not any("score" in each for each in without["result"])


def test_times_are_there_where_the_transcript_has_them_and_audio_never() -> None:
    data = label_studio_task(support_call())["data"]
    assert data["dialogue"][0] == {"speaker": "Ravi", "text": support_call().dialogue.utterances[0].text} | {
        "start": 0.4,
        "end": 3.4,
    }
    assert label_studio_task(two_friends("Hi", "Ho"))["data"]["dialogue"][0] == {"speaker": "Ana", "text": "Hi"}
    assert set(data) == {"transcript", "emotion_set", "dialogue"}


@pytest.mark.parametrize("emotions", [MASAC8, MELD7, EMORYNLP7, OWN], ids=lambda emotions: emotions.name)
def test_the_sdk_accepts_config_and_tasks(emotions: EmotionSet) -> None:
    tasks = [label_studio_task(crowd(30, 4, seed, emotions)) for seed in range(3)]
    assert config_errors(label_studio_config(emotions), tasks) == []


def test_the_sdk_would_find_what_a_task_lacks() -> None:
    config, task = label_studio_config(MASAC8), label_studio_task(support_call())
    wrong = copy.deepcopy(task)
    wrong["predictions"][0]["result"][0]["value"]["paragraphlabels"] = ["hope"]
    wrong["predictions"][0]["result"][-1]["from_id"] = "utterance-99"
    assert len(config_errors(config, [task, wrong])) == 2
    assert config_errors(config, [task | {"data": {"text": "Hi"}}]) == ["no dialogue"]


def test_the_config_names_every_emotion_in_a_colour_of_its_own() -> None:
    view = ET.fromstring(label_studio_config(MASAC8))
    labels = view.findall("ParagraphLabels/Label")
    assert tuple(label.get("value") for label in labels) == MASAC8.labels
    assert len({label.get("background") for label in labels}) == 8
    shown = view.find("Paragraphs")
    assert shown is not None
    assert (shown.get("value"), shown.get("nameKey"), shown.get("textKey")) == ("$dialogue", "speaker", "text")
    assert [each.get("value") for each in view.findall("Relations/Relation")] == ["triggers"]


def test_labels_that_are_no_words_are_refused() -> None:
    with pytest.raises(InputError, match=r"found '\$dialogue' for a label, expected one or more words"):
        label_studio_config(EmotionSet("odd", ("calm", "$dialogue")))


def test_analyses_of_several_emotion_sets_are_refused() -> None:
    with pytest.raises(InputError, match=r"5 utterances by 2: emotions anger, disgust.*expected those of 4 utter"):
        common_emotion_set([crowd(4, 2), crowd(5, 2, emotions=MELD7)])


def test_flips_that_the_labels_do_not_show_are_counted_and_have_no_relation() -> None:
    analysis = two_friends("Hi", "Ho", "Ha", "Hm")  # one flip, at 2
    assert unshown(analysis) == Unshown(0, 0)
    same = analysis.dialogue.with_emotions(("neutral",) * 4)
    alike = replace(analysis, dialogue=same)
    assert unshown(alike) == Unshown(1, 0)
    assert not [each for each in label_studio_task(alike)["predictions"][0]["result"] if each["type"] == "relation"]
    assert unshown(replace(analysis, flips=())) == Unshown(0, 1)


def test_an_analysis_is_told_from_a_transcript(tmp_path: Path) -> None:
    call = support_call()
    read = read_analysis(save(tmp_path / "call.json", call.to_json()))
    assert read is not None and read.flips == call.flips
    dialogue = Dialogue("d", "d", (Utterance("Ana", "Hi"),), MASAC8)
    assert read_analysis(save(tmp_path / "other.json", {"segments": [dialogue.utterances[0].text]})) is None
    assert read_analysis(tmp_path / "missing.json") is None
    (tmp_path / "call.txt").write_text("{Ana}: Hi")
    assert read_analysis(tmp_path / "call.txt") is None


def test_a_damaged_analysis_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = save(tmp_path / "call.json", support_call().to_json() | {"threshold": 2})
    with pytest.raises(InputError, match=r"call\.json: analysis threshold"):
        read_analysis(path)

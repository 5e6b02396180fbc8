"""What corrections make of an analysis: emotions, flips, triggers, and files that the readers of corpora read back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from analyses import crowd

from fliptrace.analysis import corrected_files
from fliptrace.analysis.corrected_document import CorrectedDocument
from fliptrace.analysis.corrected_files import efr_entries, erc_entry
from fliptrace.analysis.corrections import (
    Correction,
    EmotionCorrection,
    FlipCorrection,
    TriggerCorrection,
    apply_corrections,
    check_correction,
    read_correction,
)
from fliptrace.analysis.review_order import doubtfulness
from fliptrace.analysis.values import AnalysisValues, FoundFlip
from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MASAC8
from fliptrace.core.errors import InputError
from fliptrace.core.flips import Flip
from fliptrace.core.support import Support
from fliptrace.corpora.corpus_file import EfrFile, ErcFile
from fliptrace.corpora.detect import read_corpus

LINES = (
    ("Ana", "joy"),
    ("Bo", "neutral"),
    ("Ana", "fear"),  # a flip, triggered by 1
    ("Bo", "neutral"),  # a flip by its probability alone, from neutral to anger, triggered by 2 and by itself
    ("Ana", "anger"),  # no flip: its probability was too low
    ("Cy", "joy"),
)


def analysis() -> AnalysisValues:
    utterances = tuple(Utterance(speaker, f"Line {i}.", emotion) for i, (speaker, emotion) in enumerate(LINES))
    flips = (
        FoundFlip(Flip("Ana", 0, 2, "joy", "fear"), frozenset({1}), Support(6, {1: 0.8}), "Why.", probability=0.9),
        FoundFlip(
            Flip("Bo", 1, 3, "neutral", "anger"),
            frozenset({2, 3}),
            Support(6, {2: 0.7, 3: 0.6}),
            "Why.",
            probability=0.55,
        ),
    )
    scores = tuple({emotion: 1.0} for _, emotion in LINES)
    return AnalysisValues(Dialogue("six", "six", utterances, MASAC8), scores, flips, "m", 0.5, flip_threshold=0.5)


def emotion(utterance: int, label: str) -> Correction:
    return EmotionCorrection(utterance=utterance, emotion=label)


def flip(target: int, is_flip: bool = True) -> Correction:
    return FlipCorrection(target=target, is_flip=is_flip)


def trigger(target: int, utterance: int, is_trigger: bool = True) -> Correction:
    return TriggerCorrection(target=target, utterance=utterance, is_trigger=is_trigger)


def found(*corrections: Correction) -> dict[int, tuple[str, set[int] | None]]:
    """The flips of the corrected analysis by target: labels and triggers."""
    return {
        each.flip.target: (
            f"{each.flip.before}>{each.flip.after}",
            None if each.triggers is None else set(each.triggers),
        )
        for each in apply_corrections(analysis(), corrections).flips
    }


SECOND, FOURTH = ("joy>fear", {1}), ("neutral>anger", {2, 3})


@pytest.mark.parametrize(
    ("corrections", "expected"),
    [
        ([], {2: SECOND, 3: FOURTH}),
        # A changed emotion decides the flips on both sides of it, and no other.
        ([emotion(2, "joy")], {3: FOURTH, 4: ("joy>anger", None)}),
        ([emotion(2, "sadness")], {2: ("joy>sadness", {1}), 3: FOURTH, 4: ("sadness>anger", None)}),
        ([emotion(2, "fear")], {2: SECOND, 3: FOURTH, 4: ("fear>anger", None)}),  # confirmed
        ([emotion(1, "neutral")], {2: SECOND}),  # so the emotions of Bo are equal
        ([emotion(3, "joy")], {2: SECOND, 3: ("neutral>joy", {2, 3})}),
        ([emotion(5, "anger")], {2: SECOND, 3: FOURTH}),
        ([emotion(2, "joy"), emotion(2, "sadness"), emotion(4, "sadness")], {2: ("joy>sadness", {1}), 3: FOURTH}),
        # What was said of a flip counts more than what follows from emotions.
        ([flip(4)], {2: SECOND, 3: FOURTH, 4: ("fear>anger", None)}),
        ([flip(2, False)], {3: FOURTH}),
        ([flip(2, False), emotion(2, "sadness"), flip(4, False)], {3: FOURTH}),
        ([flip(2, False), flip(2)], {2: SECOND, 3: FOURTH}),
        ([flip(3)], {2: SECOND, 3: FOURTH}),
        ([flip(4), emotion(4, "fear")], {2: SECOND, 3: FOURTH}),  # equal emotions are no flip, whoever added it
        ([flip(4), emotion(4, "fear"), emotion(4, "joy")], {2: SECOND, 3: FOURTH, 4: ("fear>joy", None)}),
        # Triggers
        ([trigger(2, 0)], {2: ("joy>fear", {0, 1}), 3: FOURTH}),
        ([trigger(2, 1, False)], {2: ("joy>fear", set()), 3: FOURTH}),
        ([trigger(2, 1, False), trigger(2, 1)], {2: SECOND, 3: FOURTH}),
        ([flip(4), trigger(4, 3)], {2: SECOND, 3: FOURTH, 4: ("fear>anger", {3})}),
        ([flip(4), trigger(4, 3, False)], {2: SECOND, 3: FOURTH, 4: ("fear>anger", set())}),  # none, not: unknown
        ([trigger(2, 0), flip(2, False)], {3: FOURTH}),
        ([trigger(2, 0), flip(2, False), flip(2)], {2: ("joy>fear", {0, 1}), 3: FOURTH}),
    ],
)
def test_flips_follow_from_corrections_of_flips_then_of_emotions_then_from_the_analysis(
    corrections: Sequence[Correction], expected: dict[int, tuple[str, set[int] | None]]
) -> None:
    assert found(*corrections) == expected


def test_the_last_correction_of_an_emotion_counts_and_the_analysis_stays_as_it_was() -> None:
    before = analysis()
    corrected = apply_corrections(before, [emotion(0, "anger"), emotion(0, "sadness")])
    assert corrected.dialogue.emotions == ("sadness", *(label for _, label in LINES[1:]))
    assert corrected.corrected == {0}
    assert before == analysis()


def test_flips_that_could_be_added_are_told() -> None:
    def addable(*corrections: Correction) -> list[Flip]:
        return list(apply_corrections(analysis(), corrections).addable)

    low = Flip("Ana", 2, 4, "fear", "anger")
    assert addable() == [low]
    assert addable(flip(4)) == []
    assert addable(flip(3, False), emotion(0, "sadness")) == [Flip("Bo", 1, 3, "neutral", "anger"), low]
    for each in addable(flip(3, False)):
        check_correction(analysis(), [flip(3, False)], flip(each.target))


def test_without_corrections_the_flips_are_those_of_the_analysis() -> None:
    for seed in range(5):
        made = crowd(40, 4, seed)
        corrected = apply_corrections(made, ())
        assert [(each.flip, each.triggers) for each in corrected.flips] == [(f.flip, f.triggers) for f in made.flips]
        assert corrected.dialogue == made.dialogue


@pytest.mark.parametrize(
    ("before", "new", "told"),
    [
        ([], emotion(6, "joy"), "utterance 6: not in the conversation; expected a position from 0 to 5"),
        ([], emotion(0, "zeal"), "emotion 'zeal': unknown; expected one of anger, contempt,"),
        ([], emotion(0, ""), "unknown"),
        ([], flip(6), "utterance 6: not in the conversation"),
        ([], flip(5), "flip at utterance 5: the first utterance of its speaker"),
        ([], flip(0, False), "the first utterance of its speaker"),
        ([emotion(4, "fear")], flip(4), "flip at utterance 4: fear both there and at the speaker's previous utterance"),
        ([emotion(1, "neutral")], flip(3), "neutral both there and at"),
        ([], trigger(4, 3), "flip at utterance 4: there is none"),
        ([flip(2, False)], trigger(2, 1), "flip at utterance 2: there is none"),
        ([], trigger(2, 3), "trigger 3 of the flip at utterance 2: comes after the flip"),
        ([], trigger(2, 6), "utterance 6: not in the conversation"),
    ],
)
def test_what_cannot_be_is_refused_with_the_place(before: Sequence[Correction], new: Correction, told: str) -> None:
    with pytest.raises(InputError) as error:
        check_correction(analysis(), before, new)
    assert told in str(error.value)


@pytest.mark.parametrize(
    "new",
    [emotion(0, "joy"), flip(2), flip(3), flip(4), flip(4, False), trigger(2, 1), trigger(2, 2), trigger(3, 0, False)],
)
def test_what_can_be_is_allowed_also_if_it_only_confirms(new: Correction) -> None:
    check_correction(analysis(), [], new)


def test_a_correction_is_read_back_from_its_json_and_wrong_json_is_not() -> None:
    for each in (emotion(1, "joy"), flip(2), trigger(2, 1, False)):
        assert read_correction(json.loads(each.model_dump_json())) == each
    for wrong in ({"kind": "name"}, {"kind": "flip", "target": -1, "is_flip": True}, {"kind": "flip", "target": True}):
        with pytest.raises(ValueError):
            read_correction(wrong)


def write(folder: Path, name: str, entries: object) -> Path:
    path = folder / name
    path.write_text(json.dumps(entries), encoding="utf-8")
    return path


def test_files_are_read_back_with_the_same_emotions_flips_and_triggers(tmp_path: Path) -> None:
    corrections = [emotion(2, "sadness"), flip(4), trigger(2, 0), trigger(3, 3, False), emotion(5, "contempt")]
    corrected = apply_corrections(analysis(), corrections)

    erc = read_corpus(write(tmp_path, "six_erc.json", [erc_entry(corrected)]))
    assert isinstance(erc, ErcFile) and not erc.findings
    assert erc.dialogues[0].utterances == corrected.dialogue.utterances

    efr = read_corpus(write(tmp_path, "six_efr.json", efr_entries(corrected)))
    assert isinstance(efr, EfrFile) and not efr.left_out
    assert [case.flip for case in efr.cases] == [each.flip for each in corrected.flips]
    assert [case.triggers for case in efr.cases] == [{0, 1}, {2}, None]
    assert efr.cases[1].dialogue.emotions == ("joy", "neutral", "sadness", "anger")  # the labels of the flip
    assert len({case.group for case in efr.cases}) == 1


@pytest.mark.parametrize("seed", range(3))
def test_flips_of_any_conversation_are_read_back(seed: int, tmp_path: Path) -> None:
    made = crowd(60, 5, seed)
    first = made.flips[0].flip
    corrected = apply_corrections(made, [emotion(first.target, first.before), emotion(first.source, "contempt")])
    efr = read_corpus(write(tmp_path, "crowd_efr.json", efr_entries(corrected)))
    assert isinstance(efr, EfrFile)
    assert [(case.flip, case.triggers) for case in efr.cases] == [(f.flip, f.triggers) for f in corrected.flips]


def test_an_unlabelled_first_case_does_not_turn_a_renamed_file_into_dialogues(tmp_path: Path) -> None:
    corrected = apply_corrections(analysis(), [flip(2, False), flip(3, False), flip(4)])
    efr = read_corpus(write(tmp_path, "train.json", efr_entries(corrected)))
    assert isinstance(efr, EfrFile)
    assert [(case.flip.target, case.triggers) for case in efr.cases] == [(4, None)]


def test_a_conversation_that_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    corrected = apply_corrections(analysis(), ())
    size = sum(len(u.text) + len(u.speaker) for end in (3, 4) for u in corrected.dialogue.utterances[:end])
    monkeypatch.setattr(corrected_files, "MAX_EFR_CHARACTERS", size)
    assert len(efr_entries(corrected)) == 2
    monkeypatch.setattr(corrected_files, "MAX_EFR_CHARACTERS", size - 1)
    with pytest.raises(InputError, match="2 flips of a long conversation"):
        efr_entries(corrected)


def test_the_document_shows_both_emotions_and_where_each_flip_is_from() -> None:
    document = CorrectedDocument.of(analysis(), [emotion(2, "joy"), trigger(3, 0)])
    value = document.model_dump(mode="json", by_alias=True)
    assert (value["schema"], value["num_corrections"]) == ("fliptrace.corrected/1", 2)
    third = value["utterances"][2]
    assert (third["emotion"], third["found_emotion"], third["is_corrected"]) == ("joy", "fear", True)
    assert [(each["target"], each["triggers"], each["is_found"]) for each in value["flips"]] == [
        (3, [0, 2, 3], True),
        (4, None, False),
    ]
    assert value["addable_flips"] == []


def test_doubt_is_largest_where_the_model_was_least_sure() -> None:
    doubts = doubtfulness(analysis())
    assert doubts == (0, 0, 0.2, 0.9, 0, 0)  # the flips at 2 and 3 have a probability of 0.9 and 0.55
    even = analysis()
    scores = ({"joy": 0.5, "fear": 0.5}, None, *even.emotion_scores[2:])
    assert doubtfulness(AnalysisValues(even.dialogue, scores, (), "m", 0.5))[:3] == (0.3333, 0, 0)

import json
from pathlib import Path
from typing import Any

import pytest

from fliptrace.core.emotion_sets import MELD7
from fliptrace.core.errors import InputError
from fliptrace.core.flips import FlipCase
from fliptrace.corpora.catalog import CATALOG, locate
from fliptrace.corpora.detect import detect_form, read_corpus, read_flip_cases
from fliptrace.corpora.doctor import examine
from fliptrace.corpora.leaks import find_leaks
from fliptrace.corpora.reccon import CAUSES, read_reccon, scan_reccon

FIXTURE = Path(__file__).parents[1] / "fixtures" / "reccon" / "dailydialog_train.json"


def turn(number: object, emotion: object = "neutral", **more: object) -> dict[str, object]:
    return {"turn": number, "speaker": "AB"[number % 2] if isinstance(number, int) else "A", "utterance": "Well .",
            "emotion": emotion} | more  # fmt: skip


def write(folder: Path, content: object) -> Path:
    path = folder / "dailydialog_valid.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def by_target(cases: tuple[FlipCase, ...]) -> dict[int, Any]:
    return {case.flip.target: case.triggers for case in cases}


def test_every_flip_is_a_case_with_the_dialogue_up_to_its_target() -> None:
    cases = read_reccon(FIXTURE).cases
    assert [(c.id, c.flip.source, c.flip.target, len(c.dialogue)) for c in cases] == [
        ("dailydialog_train#tr_1.2", 0, 2, 3),
        ("dailydialog_train#tr_1.3", 1, 3, 4),
        ("dailydialog_train#tr_1.4", 2, 4, 5),
        ("dailydialog_train#tr_1.5", 3, 5, 6),
    ]
    assert {(c.dialogue.corpus, c.dialogue.split, c.dialogue.emotion_set) for c in cases} == {
        ("reccon", "train", MELD7)
    }
    assert len({case.group for case in cases}) == 1


def test_triggers_are_the_causes_of_the_targets_emotion() -> None:
    assert by_target(read_reccon(FIXTURE).cases)[2] == {1, 2}


def test_a_cause_that_stands_in_no_utterance_is_no_trigger() -> None:
    assert by_target(read_reccon(FIXTURE).cases)[3] == frozenset()


def test_a_flip_to_neutral_is_unlabelled() -> None:
    assert by_target(read_reccon(FIXTURE).cases)[4] is None


def test_a_cause_after_the_target_is_left_out_and_told() -> None:
    file = scan_reccon(FIXTURE)
    assert by_target(file.cases)[5] == {5}
    assert [(f.severity, f.kind, f.num_places) for f in file.findings] == [
        ("warning", "stray-emotion", 1),
        ("warning", "late-cause", 1),
    ]


def test_emotions_are_called_as_meld_calls_them() -> None:
    *_, last = read_reccon(FIXTURE).cases
    assert last.dialogue.emotions == ("neutral", "anger", "joy", "joy", "neutral", "surprise")


def test_causes_that_are_not_written_down_are_unknown(tmp_path: Path) -> None:
    path = write(tmp_path, {"va_1": [[turn(1), turn(2), turn(3, "fear")]]})
    assert by_target(read_reccon(path).cases) == {2: None}
    assert read_reccon(path).cases[0].dialogue.split == "val"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "dailydialog_valid.json: found list, expected an object of dialogues by name"),
        ({}, "dailydialog_valid.json: no entries"),
        ({"a": [turn(1)]}, "dialogue a: expected a list that contains one list of utterances"),
        ({"a": [[turn(1)], [turn(1)]]}, "dialogue a: expected a list that contains one list of utterances"),
        ({"a": [[]]}, "dialogue a: expected a list that contains one list of utterances"),
        ({"a": [[turn(1), 3]]}, "dialogue a: expected a list that contains one list of utterances"),
        ({"a": [[turn(1), turn(3)]]}, "dialogue a: found turn 3, expected 2"),
        ({"a": [[turn("1")]]}, "dialogue a: found turn '1', expected 1"),
        (
            {"a": [[turn(1, "joy", **{CAUSES: [0]})]]},
            "dialogue a: turn 1: causes [0], expected a list of turns and 'b'",
        ),
        (
            {"a": [[turn(1, "joy", **{CAUSES: "b"})]]},
            "dialogue a: turn 1: causes 'b', expected a list of turns and 'b'",
        ),
        ({"a": [[turn(1, "glad")]]}, "dialogue a utterance 0: unknown emotion 'glad'"),
        ({"a": [[turn(1, utterance=5)]]}, "dialogue a: found 5 for an utterance, expected text"),
    ],
)
def test_a_wrong_file_is_an_error(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(InputError) as error:
        read_reccon(write(tmp_path, content))
    assert message in str(error.value)


def test_errors_are_findings_and_their_dialogues_are_missing(tmp_path: Path) -> None:
    good = [[turn(1), turn(2), turn(3, "fear")]]
    file = scan_reccon(write(tmp_path, {"bad": [[turn(7)]], "good": good}))
    assert [case.id for case in file.cases] == ["dailydialog_valid#good.2"]
    assert [finding.kind for finding in file.findings] == ["turn-out-of-order"]


def test_a_file_that_is_no_json_is_told(tmp_path: Path) -> None:
    path = tmp_path / "reccon.json"
    path.write_text('{"a": [')
    assert [finding.kind for finding in scan_reccon(path).findings] == ["not-json"]


def test_the_form_is_told_by_the_content(tmp_path: Path) -> None:
    assert detect_form(FIXTURE) == "reccon"
    assert [detect_form(write(tmp_path, other)) for other in ({}, {"a": 1}, {"a": [[]]}, {"a": [[3]]})] == [None] * 4
    assert read_corpus(FIXTURE) == read_flip_cases(FIXTURE) == read_reccon(FIXTURE)


def test_it_may_not_be_trained_on(fixtures: Path) -> None:
    with pytest.raises(InputError, match=r"dailydialog_train\.json: reccon is for evaluation only: .*non-commercial"):
        read_flip_cases(FIXTURE, to_train=True)
    assert len(read_flip_cases(fixtures / "efr" / "MELD_train_efr.json", to_train=True).cases) == 4
    assert [data_set.name for data_set in CATALOG.values() if data_set.is_evaluation_only] == ["reccon"]


def test_its_val_goes_by_either_name(data_root: Path) -> None:
    assert locate("reccon", "valid", data_root) == locate("reccon", "val", data_root)


def test_doctor_counts_it() -> None:
    (file,) = examine([FIXTURE]).files
    assert file.triggers is not None
    assert (file.task, file.corpus, file.num_flips, file.triggers.num_labelled) == ("efr", "reccon", 4, 3)
    assert (file.triggers.num_triggers, file.triggers.num_without_triggers) == (3, 1)


@pytest.mark.parametrize(
    ("split", "num_flips", "num_labelled", "num_triggers", "num_without"),
    [("train", 2140, 1312, 1840, 24), ("val", 160, 91, 138, 2)],
)
def test_the_real_files(
    split: str, num_flips: int, num_labelled: int, num_triggers: int, num_without: int, data_root: Path
) -> None:
    (file,) = examine([locate("reccon", split, data_root)]).files
    assert file.triggers is not None and not file.has_errors
    found = file.triggers
    assert (file.num_flips, found.num_labelled) == (num_flips, num_labelled)
    assert (found.num_triggers, found.num_without_triggers) == (num_triggers, num_without)


def test_val_shares_a_few_dialogues_with_train(data_root: Path) -> None:
    train, val = (read_flip_cases(locate("reccon", split, data_root)) for split in ("train", "val"))
    leaks = find_leaks(train.cases, val.cases)
    assert (leaks.num_shared_groups, leaks.num_touched) == (4, 12)

import json
from pathlib import Path
from typing import Any

import pytest

from fliptrace.core.emotion_sets import MASAC8, MELD7
from fliptrace.core.errors import InputError
from fliptrace.corpora.efr import read_efr, scan_efr

CASE: dict[str, Any] = {
    "speakers": ["Ada", "Bo", "Ada"],
    "utterances": ["Tea?", "You broke my cup!", "I am so sorry."],
    "emotions": ["neutral", "anger", "sadness"],
    "triggers": [0, 1, 0],
}


def write(folder: Path, *cases: object, name: str = "own_efr.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(cases), encoding="utf-8")
    return path


def kinds(path: Path) -> list[str]:
    return [finding.kind for finding in scan_efr(path).findings]


def test_a_case_is_a_prefix_that_ends_on_its_flip(fixtures: Path) -> None:
    file = read_efr(fixtures / "efr" / "MELD_train_efr.json")
    assert [(case.flip.source, case.flip.target, case.triggers) for case in file.cases] == [
        (0, 2, {1}),
        (1, 3, {2}),
        (2, 4, {3}),
        (0, 2, set()),
    ]
    assert [case.id for case in file.cases] == [f"MELD_train_efr#{i}" for i in range(4)]
    assert {(c.dialogue.corpus, c.dialogue.split, c.dialogue.emotion_set) for c in file.cases} == {
        ("meld-fr", "train", MELD7)
    }
    assert file.findings == ()


def test_the_published_test_form_calls_triggers_labels(fixtures: Path) -> None:
    file = read_efr(fixtures / "efr" / "MaSaC_test_efr.json")
    assert [case.triggers for case in file.cases] == [{1}, {2}]
    assert file.cases[0].dialogue.emotion_set == MASAC8  # detected from the name: the labels lack contempt


def test_a_case_without_labels_is_readable(tmp_path: Path) -> None:
    bare = {name: values for name, values in CASE.items() if name != "triggers"}
    (case,) = read_efr(write(tmp_path, bare)).cases
    assert case.triggers is None


def test_no_trigger_is_a_valid_answer(tmp_path: Path) -> None:
    (case,) = read_efr(write(tmp_path, CASE | {"triggers": [0, 0, 0]})).cases
    assert case.triggers == frozenset()


def test_a_contempt_label_calls_for_eight_emotions(tmp_path: Path) -> None:
    (case,) = read_efr(write(tmp_path, CASE | {"emotions": ["neutral", "contempt", "joy"]})).cases
    assert case.dialogue.emotion_set == MASAC8


@pytest.mark.parametrize(("source", "known_from"), [("rebuilt", 1), ("official", 0), ("zone", 0), (None, 0)])
def test_labels_before_the_source_of_a_rebuilt_case_are_unknown(
    tmp_path: Path, source: str | None, known_from: int
) -> None:
    longer = {name: [values[1], *values] for name, values in CASE.items()} | {"source": source}
    (case,) = read_efr(write(tmp_path, longer)).cases
    assert (case.flip.source, case.known_from) == (1, known_from)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 1, 0], None),
        (["0", "1", "0"], None),
        ([0.0, 1.0, 0.0], None),
        (["0", "1.0", "0.0"], "mixed-trigger-forms"),
        ([float("nan"), 1.0, 0.0], "nan-trigger"),
        (["nan", "1", "0"], "nan-trigger"),
        ([None, 1, 0], "nan-trigger"),
    ],
)
def test_trigger_flags_come_in_many_forms(tmp_path: Path, values: list[object], kind: str | None) -> None:
    path = write(tmp_path, CASE | {"triggers": values})
    assert read_efr(path).cases[0].triggers == {1}
    assert kinds(path) == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"triggers": [0, 1]}, "own_efr.json case 1: 3 utterances but 2 triggers"),
        ({"speakers": ["Ada"]}, "own_efr.json case 1: 3 utterances but 1 speakers"),
        ({"triggers": [0, 2, 0]}, "own_efr.json case 1 utterance 1: its trigger is 2, expected 0 or 1"),
        ({"triggers": [0, "yes", 0]}, "own_efr.json case 1 utterance 1: its trigger is 'yes', expected 0 or 1"),
        ({"triggers": "010"}, "own_efr.json case 1: found str for 'triggers', expected a list"),
        ({"emotions": None}, "own_efr.json case 1: no list called 'emotions'"),
        ({"utterances": ["Tea?", 7, "Sorry."]}, "own_efr.json case 1: found 7 for an utterance, expected text"),
        ({name: [] for name in CASE}, "own_efr.json case 1: no utterances"),
    ],
)
def test_an_error_names_file_and_case(tmp_path: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as error:
        read_efr(write(tmp_path, CASE, CASE | change))
    assert str(error.value) == message


def test_an_unknown_emotion_is_an_error_that_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"case 0 utterance 1: unknown emotion 'rage'; masac8 has anger, contempt"):
        read_efr(write(tmp_path, CASE | {"emotions": ["neutral", "rage", "joy"]}))


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b'[{"speakers": ]', "not-json", "line 1 column 15: not JSON: Expecting value"),
        (b"\xff\xfe[]", "not-utf8", "byte 0 is not UTF-8; save the file as UTF-8"),
        (b"{}", "not-a-list", "found dict, expected a list of objects"),
        (b"[]", "empty-file", "no entries"),
        (b"[3]", "not-an-object", "found int, expected an object"),
    ],
)
def test_a_broken_file_is_one_finding(tmp_path: Path, content: bytes, kind: str, message: str) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    (finding,) = scan_efr(path).findings
    assert (finding.kind, finding.message) == (kind, message)


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_efr(tmp_path / "gone.json")


def test_a_scan_tells_every_error_and_reads_the_rest(tmp_path: Path) -> None:
    file = scan_efr(write(tmp_path, CASE | {"triggers": [0]}, CASE, CASE | {"speakers": []}))
    assert [(finding.where, finding.kind) for finding in file.findings] == [
        ("case 0", "unequal-lists"),
        ("case 2", "unequal-lists"),
    ]
    assert [case.id for case in file.cases] == ["own_efr#1"]


def test_a_case_that_ends_on_no_flip_is_left_out_with_a_warning(tmp_path: Path) -> None:
    file = read_efr(write(tmp_path, CASE, CASE | {"emotions": ["joy", "anger", "joy"]}))
    assert [dialogue.id for dialogue in file.left_out] == ["own_efr#1"]
    assert [(finding.severity, finding.kind) for finding in file.findings] == [("warning", "no-flip")]


def test_spellings_of_one_speaker_are_one_speaker(tmp_path: Path) -> None:
    path = write(tmp_path, CASE | {"speakers": ["Ada  Lee ", "Bo", "ada lee"]})
    (case,) = read_efr(path).cases
    assert case.dialogue.speakers == ("Ada Lee", "Bo", "Ada Lee")
    assert kinds(path) == ["speaker-blanks", "speaker-case"]


def test_two_missing_speakers_are_not_taken_for_one(tmp_path: Path) -> None:
    path = write(tmp_path, CASE | {"speakers": [None, "Bo", " "]})
    assert kinds(path) == ["no-speaker", "no-flip"]


def test_wrongly_decoded_text_is_repaired_and_nothing_else(tmp_path: Path) -> None:
    texts = ["You\x92re late\x85", "Ã©tÃ© &amp; “fin”", "ok\tthen "]
    (case,) = read_efr(write(tmp_path, CASE | {"utterances": texts})).cases
    assert [u.text for u in case.dialogue.utterances] == ["You’re late…", "été &amp; “fin”", "ok\tthen "]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"utterances": ["", "You!", "I?"]}, "empty-utterance"),
        ({"speakers": ["Ada", "Ada", "Ada"]}, "one-speaker"),
        ({"emotions": ["neutral", "anger", "Neutral"], "triggers": [0, 0, 0]}, "emotion-spelling"),
        ({"utterances": ["You\x92re", "late", "again"]}, "wrong-encoding"),
    ],
)
def test_a_quirk_is_a_warning(tmp_path: Path, change: dict[str, object], kind: str) -> None:
    findings = scan_efr(write(tmp_path, CASE | change)).findings
    assert ("warning", kind) in [(finding.severity, finding.kind) for finding in findings]


def test_a_quirk_is_told_once_a_file_with_the_number_of_places(tmp_path: Path) -> None:
    (finding,) = scan_efr(write(tmp_path, *[CASE | {"triggers": [None, 1, 0]}] * 3)).findings
    assert (finding.where, finding.num_places) == ("case 0", 3)
    assert str(finding).endswith("read as 0 (and in 2 more places)")


def test_names_and_sets_can_be_given(tmp_path: Path) -> None:
    file = read_efr(write(tmp_path, CASE), emotion_set=MASAC8, corpus="calls", split="val", name="mine")
    dialogue = file.cases[0].dialogue
    assert (dialogue.id, dialogue.corpus, dialogue.split, dialogue.emotion_set) == ("mine#0", "calls", "val", MASAC8)


def test_cases_of_one_dialogue_share_a_group(fixtures: Path) -> None:
    groups = [case.group for case in read_efr(fixtures / "efr" / "MELD_train_efr.json").cases]
    assert groups[0] == groups[1] == groups[2] != groups[3]

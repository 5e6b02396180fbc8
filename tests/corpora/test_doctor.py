import json
from pathlib import Path

import pytest

from fliptrace.core.errors import InputError
from fliptrace.corpora.detect import detect_form, read_corpus
from fliptrace.corpora.doctor import examine


@pytest.mark.parametrize(
    ("file", "form"),
    [
        ("efr/MELD_train_efr.json", "efr"),
        ("efr/MaSaC_test_efr.json", "efr"),
        ("masac-erc/MaSaC_train_erc.json", "masac-erc"),
        ("masac-erc/MaSaC_test_erc.json", "masac-erc"),
        ("meld/train_sent_emo.csv", "meld-erc"),
        ("emorynlp/emorynlp_train_final.csv", "emorynlp"),
        ("goemotions-ekman/dev.tsv", "goemotions"),
        ("emorynlp/exclude_scenes.json", None),
        ("goemotions-ekman/labels.txt", None),
    ],
)
def test_the_form_is_told_by_the_content(file: str, form: str | None, fixtures: Path, tmp_path: Path) -> None:
    assert detect_form(fixtures / file) == form
    renamed = tmp_path / "some.file"
    renamed.write_bytes((fixtures / file).read_bytes())
    # With emotions but no triggers, only the name tells an EFR case from a dialogue.
    assert detect_form(renamed) == (None if file.endswith("train_erc.json") else form)


def test_a_folder_stands_for_the_files_in_it(fixtures: Path) -> None:
    report = examine([fixtures])
    assert len(report.files) == 8
    assert not report.has_errors
    json.dumps(report.to_json(), allow_nan=False)


def test_counts_of_an_efr_file(fixtures: Path) -> None:
    (file,) = examine([fixtures / "efr" / "MELD_train_efr.json"]).files
    assert (file.task, file.corpus, file.split, file.num_flips, file.num_dialogues) == ("efr", "meld-fr", "train", 4, 2)
    assert (file.num_utterances, file.num_left_out, file.num_groups) == (8, 0, 2)
    assert file.emotions == {"neutral": 3, "joy": 2, "anger": 2, "sadness": 1}
    triggers = file.triggers
    assert triggers is not None
    assert (triggers.num_labelled, triggers.num_triggers, triggers.num_without_triggers) == (4, 3, 1)
    assert (triggers.num_self, triggers.num_previous, triggers.num_before_source) == (0, 3, 0)


def test_overlaps_of_each_pair_of_files(fixtures: Path) -> None:
    files = [fixtures / "efr" / "MELD_train_efr.json", fixtures / "meld" / "train_sent_emo.csv"]
    (overlap,) = examine([*files, fixtures / "masac-erc" / "MaSaC_train_erc.json"]).overlaps
    assert (overlap.left, overlap.right) == tuple(map(str, files))
    assert (overlap.num_groups, overlap.num_left, overlap.num_right) == (1, 3, 1)


def test_every_error_of_every_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a_efr.json").write_text('[{"speakers": []}, 3]')
    (tmp_path / "b.csv").write_text("what is this")
    (tmp_path / "c.json").write_text('{"a": 1}')
    (tmp_path / "d.json").write_text("[")
    report = examine([tmp_path, tmp_path / "e.tsv"])
    assert report.has_errors
    assert [[finding.kind for finding in file.findings] for file in report.files] == [
        ["missing-list", "not-an-object"],
        ["missing-column"],
        ["unknown-form"],
        ["not-json"],
        ["unreadable", "unreadable"],
    ]


def test_reading_for_use_stops_at_the_first_error(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text('{"a": 1}')
    with pytest.raises(InputError, match=r"c\.json: expected EFR or ERC"):
        read_corpus(path)


def test_an_empty_folder_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file found that ends with"):
        examine([tmp_path])


CASE = {
    "speakers": ["Ada", "Bo", "Ada"],
    "utterances": ["Tea?", "You broke my cup!", "I am so sorry."],
    "emotions": ["neutral", "anger", "sadness"],
    "triggers": [0, 1, 0],
}


def write(path: Path, *cases: object) -> Path:
    path.write_text(json.dumps(cases), encoding="utf-8")
    return path


def test_errors_with_the_same_message_are_one_finding_with_a_count(tmp_path: Path) -> None:
    calm, tense = (CASE | {"emotions": ["neutral", own, "sadness"]} for own in ("calm", "tense"))
    path = write(tmp_path / "own_efr.json", *[calm] * 1000, *[tense] * 67, CASE | {"triggers": [0, 2, 0]})
    (file,) = examine([path]).files
    found = [(f.where, f.kind, f.num_places, f.message.partition(";")[0]) for f in file.findings]
    assert found == [
        ("case 0 utterance 1", "unknown-emotion", 1000, "unknown emotion 'calm'"),
        ("case 1000 utterance 1", "unknown-emotion", 67, "unknown emotion 'tense'"),
        ("case 1067 utterance 1", "bad-trigger", 1, "its trigger is 2, expected 0 or 1"),
    ]


@pytest.mark.parametrize(
    ("other", "kind", "message"),
    [
        ({}, "duplicate-case", "has the speakers and words of own_efr#0"),
        (
            {"triggers": [1, 1, 0]},
            "contradictory-labels",
            "has the speakers and words of own_efr#0, but its triggers are [0, 1] here and [1] there",
        ),
        (
            {"triggers": [0, 0, 0]},
            "contradictory-labels",
            "has the speakers and words of own_efr#0, but its triggers are none here and [1] there",
        ),
        (
            {"emotions": ["neutral", "joy", "sadness"]},
            "contradictory-labels",
            "has the speakers and words of own_efr#0, but utterance 1 is joy here and anger there",
        ),
        ({"emotions": ["neutral", "", "sadness"]}, "duplicate-case", "has the speakers and words of own_efr#0"),
        ({"triggers": None}, "duplicate-case", "has the speakers and words of own_efr#0"),
        ({"source": "rebuilt", "triggers": [0, 1, 0]}, "duplicate-case", "has the speakers and words of own_efr#0"),
    ],
)
def test_a_case_that_stands_twice_is_found_and_whether_its_labels_differ(
    tmp_path: Path, other: dict[str, object], kind: str, message: str
) -> None:
    path = write(tmp_path / "own_efr.json", CASE, CASE | other)
    (file,) = examine([path]).files
    assert [(f.severity, f.where, f.kind, f.message) for f in file.findings if f.kind != "no-emotion"] == [
        ("warning", "case own_efr#1", kind, message)
    ]


def test_a_longer_case_of_the_same_dialogue_is_no_repetition(tmp_path: Path) -> None:
    longer = {name: [*values, values[1]] for name, values in CASE.items()} | {
        "emotions": ["neutral", "anger", "sadness", "joy"]
    }
    (file,) = examine([write(tmp_path / "own_efr.json", CASE, longer)]).files
    assert file.findings == ()


def test_a_longer_case_with_other_emotions_contradicts_the_shorter_ones(tmp_path: Path) -> None:
    def cut(length: int, *emotions: str) -> dict[str, object]:
        said = ["Tea?", "You broke my cup!", "I am so sorry.", "Never mind.", "Thank you."]
        return {
            "speakers": ["Ada", "Bo", "Ada", "Bo", "Ada"][:length],
            "utterances": said[:length],
            "emotions": list(emotions),
            "triggers": [0, 1, 0, 0, 0][:length],
        }

    three = cut(3, "neutral", "anger", "sadness")
    four = cut(4, "neutral", "anger", "sadness", "neutral")
    other_four = cut(4, "neutral", "anger", "fear", "neutral")
    five = cut(5, "neutral", "anger", "sadness", "neutral", "joy")
    unlabelled = cut(5, "neutral", "", "sadness", "neutral", "joy")

    def found(*cases: object) -> list[tuple[str, str, int, str]]:
        (file,) = examine([write(tmp_path / "own_efr.json", *cases)]).files
        findings = [f for f in file.findings if f.kind != "no-emotion"]
        return [(f.where, f.kind, f.num_places, f.message) for f in findings]

    begins = "has the speakers and words of the beginning of"
    assert found(three, four, five) == found(four, unlabelled) == []
    three_is_not = (
        "case own_efr#0",
        "contradictory-emotions",
        1,
        f"{begins} own_efr#1, but utterance 2 is sadness here and fear there",
    )
    assert found(three, other_four) == [three_is_not]
    assert found(three, other_four, five) == [(*three_is_not[:2], 2, three_is_not[3])]
    assert found(five, other_four) == [
        (
            "case own_efr#1",
            "contradictory-emotions",
            1,
            f"{begins} own_efr#0, but utterance 2 is fear here and sadness there",
        )
    ]
    [repeated, contradicted] = found(three, three, other_four)
    assert (repeated[1], contradicted[:3]) == ("duplicate-case", three_is_not[:3])


def test_a_dialogue_that_stands_twice_is_found(tmp_path: Path) -> None:
    bare = {name: values for name, values in CASE.items() if name != "triggers"}
    other = bare | {"emotions": ["joy", "anger", "sadness"]}
    (file,) = examine([write(tmp_path / "own_erc.json", bare, other, bare)]).files
    assert [(f.where, f.kind) for f in file.findings] == [
        ("dialogue own_erc#1", "contradictory-labels"),
        ("dialogue own_erc#2", "duplicate-dialogue"),
    ]

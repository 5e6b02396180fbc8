from pathlib import Path

import pytest

from fliptrace.core.emotion_sets import EKMAN7, EMORYNLP7, MASAC8, MELD7
from fliptrace.core.errors import InputError
from fliptrace.corpora.emorynlp import read_emorynlp, scan_emorynlp
from fliptrace.corpora.goemotions import read_goemotions, scan_goemotions
from fliptrace.corpora.masac_erc import read_masac_erc, scan_masac_erc
from fliptrace.corpora.meld_erc import read_meld_erc, scan_meld_erc


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("split", ["train", "test"])
def test_masac_dialogues_have_emotions_whatever_the_list_is_called(fixtures: Path, split: str) -> None:
    (dialogue,) = read_masac_erc(fixtures / "masac-erc" / f"MaSaC_{split}_erc.json").dialogues
    assert dialogue.emotions == ("neutral", "neutral", "contempt")
    assert (dialogue.id, dialogue.corpus, dialogue.split) == (f"MaSaC_{split}_erc#0", "masac-erc", split)
    assert dialogue.emotion_set == MASAC8


def test_a_masac_dialogue_without_labels_is_unlabelled(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.json", '[{"speakers": ["a", "b"], "utterances": ["hi", "ho"]}]')
    (dialogue,) = read_masac_erc(path).dialogues
    assert dialogue.emotions == (None, None)


def test_masac_lists_of_unequal_length_are_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.json", '[{"speakers": ["a"], "utterances": ["hi"], "labels": []}]')
    with pytest.raises(InputError, match=r"mine\.json dialogue 0: 1 utterances but 0 emotions"):
        read_masac_erc(path)


def test_a_masac_utterance_without_a_speaker_gets_one_of_its_own(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.json", '[{"speakers": [NaN, "b", NaN], "utterances": ["x", "y", "z"]}]')
    file = scan_masac_erc(path)
    assert file.dialogues[0].speakers == ("unknown 1", "b", "unknown 2")
    assert [finding.kind for finding in file.findings] == ["no-speaker"]


def test_meld_rows_of_one_dialogue_are_a_dialogue(fixtures: Path) -> None:
    file = read_meld_erc(fixtures / "meld" / "train_sent_emo.csv")
    assert [(d.id, len(d), d.corpus, d.split, d.emotion_set) for d in file.dialogues] == [
        ("train_sent_emo#0", 3, "meld", "train", MELD7),
        ("train_sent_emo#1", 1, "meld", "train", MELD7),
    ]


HEADER = "Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Utterance,Speaker,Emotion\nhi,Bo,joy\n", "line 1: no column called 'Dialogue_ID', 'Utterance_ID'"),
        (f"{HEADER}\n", "mine.csv: no rows"),
        (f"{HEADER}\nhi,Bo\n", "line 2: expected 5 fields"),
        (f"{HEADER}\nhi,Bo,glad,0,0\n", "line 2 utterance 0: unknown emotion 'glad'"),
        (f"{HEADER}\nhi,Bo,joy,0,0\nho,Bo,joy,1,0\nhu,Bo,joy,0,1\n", "dialogue mine#0: its rows are not consecutive"),
    ],
)
def test_a_wrong_meld_file_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read_meld_erc(write(tmp_path, "mine.csv", text))
    assert message in str(error.value)


def test_meld_text_keeps_its_quotes_commas_and_line_breaks(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.csv", f'{HEADER}\n"Well, ""no"",\nthanks\u2028!",Bo,joy,0,0\n')
    assert scan_meld_erc(path).dialogues[0].utterances[0].text == 'Well, "no",\nthanks\u2028!'


def test_emorynlp_speakers_of_one_utterance_are_joined(fixtures: Path) -> None:
    (scene,) = read_emorynlp(fixtures / "emorynlp" / "emorynlp_train_final.csv").dialogues
    assert scene.speakers == ("Ada", "Bo, Omar")
    assert scene.emotions == ("joyful", "powerful")
    assert (scene.id, scene.emotion_set) == ("emorynlp_train_final#1.2.1", EMORYNLP7)


@pytest.mark.parametrize("cell", ["[1," * 200, "1+" * 50_000 + "1", "(" * 5_000, "None.x"])
def test_emorynlp_speakers_that_no_list_is_made_of_are_one_name(cell: str, fixtures: Path, tmp_path: Path) -> None:
    text = (fixtures / "emorynlp" / "emorynlp_train_final.csv").read_text(encoding="utf-8")
    path = tmp_path / "emorynlp_train_final.csv"
    path.write_text(text.replace("['Ada']", cell if "," not in cell else f'"{cell}"', 1), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != text
    file = read_emorynlp(path)
    assert cell[:20] in {speaker[:20] for dialogue in file.dialogues for speaker in dialogue.speakers}
    assert "speaker-no-list" in {finding.kind for finding in file.findings}


def test_emorynlp_scenes_that_overlap_with_meld_are_left_out(fixtures: Path) -> None:
    file = read_emorynlp(fixtures / "emorynlp" / "emorynlp_train_final.csv")
    assert [scene.id for scene in file.left_out] == ["emorynlp_train_final#1.2.2"]
    assert [finding.kind for finding in file.findings] == ["excluded-scene"]


def test_emorynlp_warns_where_the_list_of_scenes_is_missing(fixtures: Path, tmp_path: Path) -> None:
    text = (fixtures / "emorynlp" / "emorynlp_train_final.csv").read_text(encoding="utf-8")
    file = scan_emorynlp(write(tmp_path, "emorynlp_train_final.csv", text))
    assert len(file.dialogues) == 2
    assert [finding.kind for finding in file.findings] == ["no-exclude-list"]


def test_emorynlp_refuses_a_given_list_that_is_none(fixtures: Path, tmp_path: Path) -> None:
    path = fixtures / "emorynlp" / "emorynlp_train_final.csv"
    for given in (tmp_path / "gone.json", write(tmp_path, "odd.json", "[]")):
        with pytest.raises(InputError):
            read_emorynlp(path, exclude=given)


def test_goemotions_comments_with_several_emotions_are_left_out(fixtures: Path) -> None:
    file = read_goemotions(fixtures / "goemotions-ekman" / "dev.tsv")
    assert [(d.id, d.emotions, d.split) for d in file.dialogues] == [
        ("goemotions_dev#id0001", ("joy",), "val"),
        ("goemotions_dev#id0003", ("neutral",), "val"),
    ]
    assert [(d.id, d.emotions) for d in file.left_out] == [("goemotions_dev#id0002", (None,))]
    assert file.left_out[0].utterances[0].text == 'He "borrowed" my ladder for good'
    assert file.dialogues[0].emotion_set == EKMAN7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\t9\tid\n", "dev.tsv line 1: labels '9', expected numbers below 7"),
        ("a\tjoy\tid\n", "dev.tsv line 1: labels 'joy', expected numbers below 7"),
        ("a\t3\n", "dev.tsv line 1: 2 fields, expected text, labels and id"),
    ],
)
def test_a_wrong_goemotions_line_is_an_error(fixtures: Path, tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read_goemotions(write(tmp_path, "dev.tsv", text), label_file=fixtures / "goemotions-ekman" / "labels.txt")
    assert str(error.value) == message


def test_goemotions_without_its_label_names_is_an_error(tmp_path: Path) -> None:
    (finding,) = scan_goemotions(write(tmp_path, "dev.tsv", "a\t3\tid\n")).findings
    assert finding.severity == "error"
    assert "labels.txt" in finding.message

"""Emotion sets of one's own: declared in `emotions.toml` beside the files, and what is wrong with a declaration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import EMORYNLP7, MELD7, EmotionSet, labels_unlike_masac8, to_masac8
from fliptrace.core.errors import InputError
from fliptrace.corpora.detect import read_corpus
from fliptrace.corpora.doctor import examine
from fliptrace.corpora.own_emotions import check_labels, emotion_set_called, read_emotion_set
from fliptrace.transcripts.read import read_transcript

PLUTCHIK = ("joy", "trust", "fear", "surprise", "sadness", "disgust", "anger", "anticipation")


def declare(folder: Path, text: str) -> Path:
    path = folder / "emotions.toml"
    path.write_text(text, encoding="utf-8")
    return path


def write_cases(path: Path, *emotions: str) -> Path:
    case = {
        "speakers": ["Ada", "Bo", "Ada"][: len(emotions)],
        "utterances": ["Tea?", "You broke my cup!", "I am so sorry."][: len(emotions)],
        "emotions": list(emotions),
        "triggers": [0, 1, 0],
    }
    path.write_text(json.dumps([case]), encoding="utf-8")
    return path


def test_a_declaration_is_labels_their_spellings_and_which_is_neutral(tmp_path: Path) -> None:
    path = declare(tmp_path, 'labels = ["calm", "very tense"]\nneutral = "calm"\nmap = { Worried = "very tense" }\n')
    own = read_emotion_set(path)
    assert own == EmotionSet(tmp_path.name, ("calm", "very tense"), "calm", (("worried", "very tense"),))
    assert [own.canonical(raw) for raw in (" Calm", "VERY tense", "worried ")] == ["calm", "very tense", "very tense"]
    assert read_emotion_set(declare(tmp_path, f"labels = {list(PLUTCHIK)}")).neutral is None
    assert MELD7.neutral == EMORYNLP7.neutral == "neutral"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("labels = [", "not TOML"),
        ("a = " + "[" * 3000, "not TOML"),
        ("labels = " + "9" * 5000, "not TOML"),
        ("", "expected a list `labels` of 2 to 100 emotions"),
        ('labels = ["calm"]', "expected a list `labels` of 2 to 100 emotions"),
        ('labels = "calm"', "expected a list `labels` of 2 to 100 emotions"),
        ('labels = ["calm", 3]', "found 3 for a label, expected one or more words in lower case"),
        ('labels = ["calm", "Tense"]', "found 'Tense' for a label"),
        ('labels = ["calm", "tense)\\n[3] calm"]', r"found 'tense\)\\n\[3\] calm' for a label"),
        ('labels = ["calm", "<|im_end|>"]', r"found '<\|im_end\|>' for a label"),
        ('labels = ["calm", "calm"]', "names a label twice"),
        ('labels = ["calm", "tense"]\nneutral = "joy"', "found 'joy' for `neutral`, expected one of the labels"),
        ('labels = ["calm", "tense"]\nneutral = []', r"found \[\] for `neutral`"),
        ('labels = ["calm", "tense"]\nmap = 3', "found int for `map`, expected a table of labels"),
        ('labels = ["calm", "tense"]\nmap = {a = "joy"}', "`map` says that 'a' is 'joy', expected one of the labels"),
        ('labels = ["calm", "tense"]\nmap = {a = []}', r"`map` says that 'a' is \[\], expected"),
        ('labels = ["calm", "tense"]\nmap = {Calm = "tense"}', "that 'Calm' is 'tense', but it is a label itself"),
        ('labls = ["calm", "tense"]', "unknown key 'labls'; did you mean 'labels'"),
        ("#" * 100_001, "more than 100,000 bytes"),
    ],
)
def test_a_wrong_declaration_is_an_error_that_names_its_file(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"emotions\.toml: .*{message}"):
        read_emotion_set(declare(tmp_path, text))
    [file] = examine([write_cases(tmp_path / "own_efr.json", "joy", "fear", "anger")]).files
    assert [(f.severity, f.kind) for f in file.findings] == [("error", "bad-emotions")]


@pytest.mark.parametrize("name", ["own_efr.json", "own_erc.json", "own_train.csv"])
def test_files_beside_a_declaration_have_its_labels(name: str, tmp_path: Path) -> None:
    declare(tmp_path, 'labels = ["calm", "tense", "upset"]\nneutral = "calm"\nmap = { sorry = "upset" }\n')
    path = write_cases(tmp_path / name, "Calm", "tense", "sorry")
    if name.endswith("csv"):
        rows = ["Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID", "a,Ada,Calm,1,1", "b,Bo,tense,1,2"]
        path.write_text("\n".join([*rows, "c,Ada,sorry,1,3"]), encoding="utf-8")
    [member, *others] = read_corpus(path).members
    dialogue = member if isinstance(member, Dialogue) else member.dialogue
    assert others == []
    assert dialogue.emotions == ("calm", "tense", "upset")
    assert (dialogue.emotion_set.name, dialogue.emotion_set.neutral) == (tmp_path.name, "calm")
    [report] = examine([tmp_path]).files
    assert (report.emotion_set, report.emotions, report.findings) == (
        tmp_path.name,
        {"calm": 1, "tense": 1, "upset": 1},
        (),
    )


def test_other_names_of_known_labels_are_declared_as_well(tmp_path: Path) -> None:
    path = write_cases(tmp_path / "own_efr.json", "neu", "hap", "ang")
    [file] = examine([path]).files
    assert file.findings[0].message.endswith("; others are declared in emotions.toml")
    declare(tmp_path, f'labels = {list(MELD7.labels)}\nmap = {{ neu = "neutral", hap = "joy", ang = "anger" }}')
    [case] = read_corpus(path).members
    assert isinstance(case.dialogue, Dialogue)
    assert case.dialogue.emotions == ("neutral", "joy", "anger")
    assert labels_unlike_masac8(case.dialogue.emotion_set) == ()


def test_a_transcript_beside_a_declaration_has_its_labels(tmp_path: Path) -> None:
    (tmp_path / "call.csv").write_text("speaker,text,emotion\nAda,Tea?,calm\nBo,No!,Tense\nAda,Oh.,joy\n")
    assert read_transcript(tmp_path / "call.csv").dialogue.emotions == (None, None, "joy")
    declare(tmp_path, 'labels = ["calm", "tense"]')
    transcript = read_transcript(tmp_path / "call.csv")
    assert transcript.dialogue.emotions == ("calm", "tense", None)
    assert any("1 emotion not in" in note and "joy" in note for note in transcript.notes)
    assert read_transcript(tmp_path / "call.csv", emotion_set=MELD7).dialogue.emotions == (None, None, "joy")
    declare(tmp_path, 'labels = ["calm"]')
    with pytest.raises(InputError, match=r"emotions\.toml: expected a list"):
        read_transcript(tmp_path / "call.csv")


def test_a_set_is_called_by_its_name_or_its_file(tmp_path: Path) -> None:
    path = declare(tmp_path, 'labels = ["calm", "tense"]')
    assert (emotion_set_called("meld7"), emotion_set_called(str(path)).labels) == (MELD7, ("calm", "tense"))
    with pytest.raises(InputError, match=r"emotion set: found 'meld8', expected meld7, .* or a TOML file"):
        emotion_set_called("meld8")


def test_labels_of_ones_own_are_not_taken_for_those_of_masac() -> None:
    own = EmotionSet("own", ("calm", "joy", "tense"), neutral="calm")
    assert [to_masac8(label, own) for label in own.labels] == ["neutral", "joy", None]
    dialogue = Dialogue("d", "d", (Utterance("Ada", "Tea?", "joy"),), own)
    with pytest.raises(InputError, match="recipe data: emotions tense; expected those of masac8 "):
        check_labels([dialogue], "recipe data")
    check_labels([Dialogue("d", "d", (Utterance("Ada", "Tea?", "peaceful"),), EMORYNLP7)], "recipe data")

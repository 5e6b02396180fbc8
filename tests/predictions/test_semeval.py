"""Submissions to SemEval-2024 Task 10: one label per line, nothing missing, nothing twice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fliptrace.cli.main import app
from fliptrace.core.errors import InputError
from fliptrace.core.files import write_jsonl
from fliptrace.core.voting import Vote
from fliptrace.corpora.efr import read_efr
from fliptrace.corpora.masac_erc import read_masac_erc
from fliptrace.predictions.rows import EmotionPrediction, Prediction
from fliptrace.predictions.semeval import SUBTASKS, Answers, Subtask, read_answers, submission, whole_submission

FLIP: dict[str, Any] = {
    "speakers": ["Ada", "Bo", "Ada"],
    "utterances": ["Tea?", "You broke my cup!", "I am so sorry."],
    "emotions": ["neutral", "anger", "sadness"],
}
NO_FLIP = FLIP | {"emotions": ["neutral", "anger", "neutral"]}


def write_cases(folder: Path, *cases: dict[str, Any], name: str = "MELD_test_efr") -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(cases), encoding="utf-8")
    return path


def predict(file: Path) -> Path:
    """A prediction file that names the utterance before each target."""
    cases = read_efr(file).cases
    votes = [Vote(frozenset({case.flip.target - 1}), (0.0,) * len(case.dialogue), 1, 1) for case in cases]
    out = file.with_suffix(".jsonl")
    write_jsonl(out, [Prediction.of(case, vote, []).to_json() for case, vote in zip(cases, votes, strict=True)])
    return out


def write_emotions(folder: Path, *emotions: Sequence[str], name: str = "MaSaC_test_erc") -> Path:
    rows = [
        EmotionPrediction(f"{name}#{i}", "", "masac-erc", "test", ("a",) * len(of), (None,) * len(of), tuple(of))
        for i, of in enumerate(emotions)
    ]
    write_jsonl(folder / "e.jsonl", [row.to_json() for row in rows])
    return folder / "e.jsonl"


def test_every_utterance_of_every_case_has_a_line(tmp_path: Path) -> None:
    file = write_cases(tmp_path, FLIP, FLIP)
    out = predict(file)
    assert read_answers(out) == Answers(out, "meld-fr", ("0.0", "1.0", "0.0") * 2)
    assert read_answers(out, read_efr(file)) == read_answers(out)


def test_a_case_that_ends_on_no_flip_gets_its_lines_where_it_stands(tmp_path: Path) -> None:
    file = write_cases(tmp_path, NO_FLIP, FLIP, NO_FLIP)
    assert read_answers(predict(file), read_efr(file)).lines == ("0.0",) * 4 + ("1.0",) + ("0.0",) * 4


def test_without_the_file_a_missing_case_is_an_error(tmp_path: Path) -> None:
    out = predict(write_cases(tmp_path, FLIP, NO_FLIP, FLIP))
    with pytest.raises(InputError, match=r"MELD_test_efr#2 in place of number 1; expected every case"):
        read_answers(out)


@pytest.mark.parametrize("label", ["joy\nanger", "joy\r", "", "joy\u2028"])
def test_a_label_that_is_not_one_line_is_an_error(tmp_path: Path, label: str) -> None:
    out = write_emotions(tmp_path, ["neutral", label])
    with pytest.raises(InputError, match=r"MaSaC_test_erc#0: .* is not one line of text"):
        read_answers(out)


LONGER = FLIP | {name: [*values, *values[1:]] for name, values in FLIP.items()}


@pytest.mark.parametrize(
    ("cases", "name", "message"),
    [
        ([FLIP], "MELD_test_efr", "MELD_test_efr#1 is not in the given file"),
        ([FLIP, FLIP], "MaSaC_test_efr", "MELD_test_efr#0 is not in the given file"),
        ([FLIP, FLIP, FLIP], "MELD_test_efr", "no prediction for MELD_test_efr#2; expected one for every entry"),
        ([FLIP, LONGER], "MELD_test_efr", "MELD_test_efr#1: 3 labels; expected 5, one per utterance"),
    ],
)
def test_predictions_on_another_file_are_an_error(
    tmp_path: Path, cases: list[dict[str, Any]], name: str, message: str
) -> None:
    out = predict(write_cases(tmp_path, FLIP, FLIP))
    other = read_efr(write_cases(tmp_path, *cases, name=name))
    with pytest.raises(InputError, match=message):
        read_answers(out, other)


def test_emotions_are_written_by_name(tmp_path: Path, fixtures: Path) -> None:
    out = write_emotions(tmp_path, ["joy", "contempt", "neutral"])
    assert read_answers(out).lines == ("joy", "contempt", "neutral")
    file = read_masac_erc(fixtures / "masac-erc" / "MaSaC_test_erc.json")
    assert read_answers(out, file).lines == ("joy", "contempt", "neutral")


def test_ids_without_a_position_are_an_error(tmp_path: Path) -> None:
    out = write_emotions(tmp_path, ["joy"], name="mine#a")
    out.write_text(out.read_text().replace("mine#a#0", "mine"))
    with pytest.raises(InputError, match="'mine' does not end in a position"):
        read_answers(out)


def answers(subtask: Subtask, num_lines: int | None = None) -> Answers:
    line = "joy" if subtask.corpus.endswith("erc") else "1.0"
    return Answers(Path(f"{subtask.corpus}.jsonl"), subtask.corpus, (line,) * (num_lines or subtask.num_lines))


def test_a_whole_submission_has_the_subtasks_in_the_order_of_the_task() -> None:
    erc, masac, meld = SUBTASKS
    lines = whole_submission([answers(meld), answers(erc)])
    assert len(lines) == 17_912
    assert (lines[1_579], lines[1_580], lines[9_269], lines[9_270]) == ("joy", "0.0", "0.0", "1.0")
    assert whole_submission([answers(masac)])[:1_581] == ["neutral"] * 1_580 + ["1.0"]
    assert submission([answers(meld, 1), answers(erc, 2)]) == ["1.0", "joy", "joy"]


def test_a_whole_submission_is_of_the_official_test_files() -> None:
    *_, meld = SUBTASKS
    with pytest.raises(InputError, match=r"7 lines; expected 8,642, from the test file of EFR, English"):
        whole_submission([answers(meld, 7)])
    with pytest.raises(InputError, match=r"predictions on meld-fr, like meld-fr\.jsonl"):
        whole_submission([answers(meld), answers(meld)])
    with pytest.raises(InputError, match=r"predictions on 'reccon'; expected one of masac-erc, masac-fr, meld-fr"):
        whole_submission([answers(meld)._replace(corpus="reccon")])


def test_the_command_writes_the_file(tmp_path: Path) -> None:
    file = write_cases(tmp_path, NO_FLIP, FLIP)
    command = ["export", "semeval", str(predict(file)), "--out", str(tmp_path / "answer.txt")]
    assert CliRunner().invoke(app, [*command, "--file", str(file)]).exit_code == 0
    assert (tmp_path / "answer.txt").read_text() == "0.0\n" * 4 + "1.0\n0.0\n"
    assert CliRunner().invoke(app, [*command, "--file", str(file), "--file", str(file)]).exit_code == 2
    assert isinstance(CliRunner().invoke(app, command).exception, InputError)

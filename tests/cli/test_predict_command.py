"""`fliptrace predict` with its three tasks and two sources of emotions, and how `score` names the experiments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from fliptrace.cli.main import app
from fliptrace.core.errors import InputError
from fliptrace.corpora.sample import sample_path

SCRIPT = (
    {"contains": "Which emotion does each", "answers": ["[1] neutral\n[2] joy\n[3] anger\n[4] joy"]},
    {"contains": "Which emotion does", "answers": ["Emotion: neutral"]},
    {"contains": "Which utterances triggered", "answers": ["Triggers: 2"]},
)


@pytest.fixture
def model(tmp_path: Path) -> str:
    (tmp_path / "script.jsonl").write_text("".join(json.dumps(row) + "\n" for row in SCRIPT))
    return f"scripted:{tmp_path / 'script.jsonl'}"


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, [*map(str, arguments)])
    if isinstance(result.exception, InputError):
        raise result.exception
    return result


def predict_and_score(model: str, file: str | Path, out: Path, *options: str) -> dict[str, Any]:
    assert run("predict", model, file, "--out", out, *options).exit_code == 0
    assert run("score", out, "--draws", "100").exit_code == 0
    scored = run("score", out, "--json", "--draws", "100")
    return dict(json.loads(scored.stdout))


FIXTURES = ("meld/train_sent_emo.csv", "masac-erc/MaSaC_train_erc.json", "emorynlp/emorynlp_train_final.csv")


@pytest.mark.parametrize("name", FIXTURES)
def test_emotions_of_every_kind_of_dialogue_file(name: str, model: str, fixtures: Path, tmp_path: Path) -> None:
    scores = predict_and_score(model, fixtures / name, tmp_path / "e.jsonl", "--task", "emotion")
    assert scores["task"] == "emotion"
    assert {"weighted_f1", "macro_f1", "interval", "num_unparsed"} <= scores.keys()


def test_emotions_of_flip_cases_are_those_of_their_dialogues(model: str, tmp_path: Path) -> None:
    scores = predict_and_score(model, "sample:val", tmp_path / "e.jsonl", "--task", "emotion")
    num_cases = len(json.loads(sample_path("val").read_text()))
    assert scores["num_dialogues"] < num_cases
    assert len((tmp_path / "e.jsonl").read_text().splitlines()) == scores["num_dialogues"]


def test_the_unified_task_is_scored_end_to_end(model: str, tmp_path: Path) -> None:
    scores = predict_and_score(model, "sample:val", tmp_path / "u.jsonl", "--task", "unified")
    assert scores["experiment"] == "end to end"
    assert 0 < scores["trigger_f1"] < scores["flip_f1"] < 1
    assert {"weighted_f1", "macro_f1", "interval"} <= scores.keys()
    assert list(scores["baselines"]) == ["previous", "previous-or-self", "previous-plus-self"]


def test_dialogues_without_triggers_have_no_trigger_f1(model: str, fixtures: Path, tmp_path: Path) -> None:
    scores = predict_and_score(model, fixtures / FIXTURES[0], tmp_path / "u.jsonl", "--task", "unified")
    assert scores["trigger_f1"] is None
    assert scores["flip_f1"] is not None


def test_triggers_under_gold_and_under_predicted_emotions_are_two_experiments(model: str, tmp_path: Path) -> None:
    gold = predict_and_score(model, "sample:val", tmp_path / "gold.jsonl")
    predicted = predict_and_score(model, "sample:val", tmp_path / "predicted.jsonl", "--emotions", "predicted")
    assert (gold["experiment"], predicted["experiment"]) == ("gold emotions", "predicted emotions")
    assert gold["num_flips"] == predicted["num_flips"]
    rows = [json.loads(path.read_text().splitlines()[0]) for path in sorted(tmp_path.glob("*d.jsonl"))]
    assert rows[0]["emotions"] != rows[1]["emotions"]
    manifest = json.loads((tmp_path / "predicted.manifest.json").read_text())
    assert manifest["data"]["num_unparsed_emotions"] == 0
    assert (
        manifest["data"]["num_gold_pairs"] == gold["num_flips"]
    )  # the model labels every utterance neutral, without probabilities


def test_a_rule_labels_no_emotions(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="rule:previous: labels no emotions"):
        run("predict", "rule:previous", "sample:val", "--out", tmp_path / "p.jsonl", "--task", "emotion")
    with pytest.raises(InputError, match="rule:previous: labels no emotions"):
        run("predict", "rule:previous", "sample:val", "--out", tmp_path / "p.jsonl", "--emotions", "predicted")
    assert list(tmp_path.iterdir()) == []


def test_predicted_emotions_need_the_trigger_task(model: str, tmp_path: Path) -> None:
    arguments = ("predict", model, "sample:val", "--out", tmp_path / "p.jsonl")
    assert run(*arguments, "--task", "emotion", "--emotions", "predicted").exit_code == 2


def test_a_limit_counts_dialogues(model: str, tmp_path: Path) -> None:
    run("predict", model, "sample:val", "--out", tmp_path / "u.jsonl", "--task", "unified", "--limit", "2")
    assert len((tmp_path / "u.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("task", ["trigger", "unified"])
def test_stopping_early_reports_how_many_answers_were_sampled(model: str, tmp_path: Path, task: str) -> None:
    sampled = ("--task", task, "--decode", "sample", "--samples", "10")
    scores = predict_and_score(model, "sample:val", tmp_path / "all.jsonl", *sampled)
    early = run("predict", model, "sample:val", "--out", tmp_path / "e.jsonl", *sampled, "--stop-early")
    assert "6.0 of 10 answers per flip were sampled on average" in " ".join(early.output.split())
    scored = json.loads(run("score", tmp_path / "e.jsonl", "--json", "--draws", "100").stdout)
    assert (scored["trigger_f1"], scored["interval"]) == (scores["trigger_f1"], scores["interval"])
    assert json.loads((tmp_path / "e.manifest.json").read_text())["inference"]["stop_early"] is True


def test_a_greedy_answer_cannot_stop_early(model: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="stop_early: greedy decoding draws no samples that vote; expected sample"):
        run("predict", model, "sample:val", "--out", tmp_path / "p.jsonl", "--stop-early")


def test_curate_offers_emotions_and_the_unified_task(tmp_path: Path) -> None:
    out = tmp_path / "i.jsonl"
    assert (
        run("curate", "sample:val", "--out", out, "--mix", "emotion=1,unified=1", "--layout", "window").exit_code == 0
    )
    kinds = [json.loads(line)["kind"] for line in out.read_text().splitlines()]
    num_cases = len(json.loads(sample_path("val").read_text()))
    assert num_cases < kinds.count("unified") <= 2 * num_cases
    assert kinds.count("emotion") > num_cases


def scripted(folder: Path, name: str, *replies: str) -> str:
    (folder / f"{name}.script").write_text(json.dumps({"default": True, "answers": replies}) + "\n")
    return f"scripted:{folder / name}.script"


def said_by(result: Result) -> str:
    return " ".join(result.output.split())


def test_the_first_three_replies_that_could_not_be_parsed_are_shown(tmp_path: Path) -> None:
    model = scripted(tmp_path, "odd", "I would say\nthe \x1b[31msecond one [bold]")
    said = said_by(run("predict", model, "sample:val", "--out", tmp_path / "p.jsonl", "--limit", "5"))
    assert said.count("I would say ⏎ the [31msecond one [bold]") == 3
    ids = [json.loads(line)["id"] for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert [f"unparsed, {id}:" in said for id in ids] == [True] * 3 + [False] * 2
    assert "5 flips, 5 unparsed" in said


def test_rows_that_are_missing_are_told_before_the_scores(model: str, tmp_path: Path) -> None:
    out = tmp_path / "p.jsonl"
    run("predict", model, "sample:val", "--out", out, "--limit", "20")
    assert "warning" not in run("score", out, "--draws", "100").output
    out.write_text("".join(out.read_text().splitlines(keepends=True)[:8]))
    assert said_by(run("score", out, "--draws", "100")).startswith("warning ")
    assert "12 rows are missing, by its manifest" in said_by(run("score", out, "--draws", "100"))
    assert json.loads(run("score", out, "--draws", "100", "--json").stdout)["num_missing"] == 12
    with pytest.raises(InputError, match="8 rows, but its manifest counts 20"):
        run("compare", out, out, "--draws", "100")
    told = run("compare", out, out, "--draws", "100", "--allow-missing")
    assert told.exit_code == 0 and said_by(told).startswith("warning ")


def test_labels_that_were_changed_are_told_before_the_scores(model: str, tmp_path: Path) -> None:
    out = tmp_path / "p.jsonl"
    run("predict", model, "sample:val", "--out", out, "--limit", "8")
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    out.write_text("".join(json.dumps(row | {"gold": row["triggers"]}) + "\n" for row in rows))
    said = said_by(run("score", out, "--draws", "100"))
    assert said.startswith("warning ") and "its cases or labels were changed after it was written" in said
    scores = json.loads(run("score", out, "--draws", "100", "--json").stdout)
    assert (scores["trigger_f1"], scores["labels_match"]) == (1.0, False)
    with pytest.raises(InputError, match="expected those, or --allow-other-labels"):
        run("compare", out, out, "--draws", "100")
    told = run("compare", out, out, "--draws", "100", "--allow-other-labels")
    assert told.exit_code == 0 and said_by(told).startswith("warning ")


def test_the_file_of_another_model_is_replaced_only_if_told(tmp_path: Path) -> None:
    out = tmp_path / "p.jsonl"
    one, other = scripted(tmp_path, "one", "Triggers: 1"), scripted(tmp_path, "other", "Triggers: 2")
    run("predict", one, "sample:val", "--out", out, "--limit", "3")
    before = out.read_bytes()
    for arguments, message in (
        ((other, "sample:val", "--limit", "3"), r"holds predictions of scripted:.*one.script, not of scripted:.*other"),
        ((one, "sample:val", "--limit", "4"), "holds predictions made from other data or weights"),
        ((one, "sample:val", "--limit", "3", "--ask", "chain"), "holds predictions made with other settings"),
        ((one, "sample:val", "--limit", "3", "--task", "emotion"), "holds predictions made from other data"),
    ):
        with pytest.raises(InputError, match=rf"p\.jsonl: {message}.*; expected a new file, or --overwrite"):
            run("predict", *arguments, "--out", out)
        assert out.read_bytes() == before
    run("predict", one, "sample:val", "--out", out, "--limit", "3")  # the same again
    assert out.read_bytes() == before
    run("predict", other, "sample:val", "--out", out, "--limit", "3", "--overwrite")
    assert [json.loads(line)["answers"][0]["text"] for line in out.read_text().splitlines()] == ["Triggers: 2"] * 3


def test_a_file_of_somebody_elses_is_not_replaced(model: str, tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text("my notes")
    with pytest.raises(InputError, match=r"p\.jsonl: exists, and no manifest beside it says what it is"):
        run("predict", model, "sample:val", "--out", tmp_path / "p.jsonl")
    assert (tmp_path / "p.jsonl").read_text() == "my notes"


@pytest.mark.parametrize("options", [("--task", "emotion"), ("--task", "unified"), ("--emotions", "predicted")])
def test_the_first_replies_on_emotions_that_could_not_be_parsed_are_shown(
    options: tuple[str, str], tmp_path: Path
) -> None:
    model = scripted(tmp_path, "odd", "a bit of everything")
    said = said_by(run("predict", model, "sample:val", "--out", tmp_path / "p.jsonl", "--limit", "2", *options))
    assert "replies on emotions could not be parsed: taken as neutral" in said
    assert said.count("unparsed: a bit of everything") == 3

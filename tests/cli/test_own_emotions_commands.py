"""A corpus with emotions of its own goes through every command: doctor, curate, train, predict, score, analyze."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from tiny_runs import GREEDY_ONLY, make_cases, make_table, one_stage, write_efr
from typer.testing import CliRunner, Result

from fliptrace.cli.main import app
from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.core.flips import FlipCase, find_flip
from fliptrace.report.run.toml_text import to_toml

OWN = EmotionSet("calls", ("relaxed", "tense", "upset", "at ease", "glad", "bored", "hurt"), neutral="relaxed")
CALLED = dict(zip(("neutral", "fear", "sadness", "surprise", "joy", "disgust", "anger"), OWN.labels, strict=True))


def in_own_words(case: FlipCase) -> FlipCase:
    emotions = tuple(CALLED[emotion] for emotion in case.dialogue.emotions if emotion)
    bare = replace(case.dialogue.with_emotions((None,) * len(emotions)), emotion_set=OWN)
    dialogue: Dialogue = bare.with_emotions(emotions)
    flip = find_flip(dialogue, case.flip.target)
    assert flip is not None
    return replace(case, dialogue=dialogue, flip=flip)


def write_corpus(folder: Path) -> None:
    for name, num_cases in (("train", 20), ("val", 6)):
        write_efr(folder / f"{name}_efr.json", [in_own_words(case) for case in make_cases(num_cases, name)])
    declared = {"labels": list(OWN.labels), "neutral": OWN.neutral}
    (folder / "emotions.toml").write_text(to_toml(declared))


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exit_code == 0, (arguments, result.output, result.exception)
    return result


def test_a_corpus_with_emotions_of_its_own_is_trained_on_and_scored(tmp_path: Path) -> None:
    write_corpus(tmp_path)
    train, val = tmp_path / "train_efr.json", tmp_path / "val_efr.json"
    [file] = json.loads(run("doctor", train, "--json").stdout)["files"]
    assert file["emotion_set"] == tmp_path.name and set(file["emotions"]) <= set(OWN.labels)
    assert not any(found["severity"] == "error" for found in file["findings"])
    run("curate", train, "--mix", "answer=1,chain=1", "--out", tmp_path / "mix.jsonl")
    assert any(label in (tmp_path / "mix.jsonl").read_text() for label in OWN.labels)
    data = {"train": [str(train)], "val": [str(val)]}
    table = make_table(data=data, stages=one_stage(answer=1)) | {"evaluations": GREEDY_ONLY}
    (tmp_path / "recipe.toml").write_text(to_toml(table))
    run("train", tmp_path / "recipe.toml", "--out", tmp_path / "run")
    unified = predict_and_score(tmp_path / "run", val, tmp_path / "u.jsonl", "--task", "unified")
    assert unified["task"] == "unified"
    rows = [json.loads(line) for line in (tmp_path / "u.jsonl").read_text().splitlines()]
    assert {emotion for row in rows for emotion in row["emotions"]} <= set(OWN.labels)
    assert {row["neutral"] for row in rows} == {"relaxed"}


def predict_and_score(model: object, file: Path, out: Path, *options: str) -> dict[str, Any]:
    run("predict", str(model), file, "--out", out, *options)
    return dict(json.loads(run("score", out, "--json", "--draws", "100").stdout))


def test_a_rule_scores_in_its_own_file_as_beside_other_models(tmp_path: Path) -> None:
    """`previous-plus-self` asks whether the target is neutral, whatever the set calls that."""
    write_corpus(tmp_path)
    for path in tmp_path.glob("*_efr.json"):  # every target said right after the speaker's own utterance
        rows = json.loads(path.read_text())
        for row in rows:
            row["speakers"][-2] = row["speakers"][-1]
        path.write_text(json.dumps(rows))
    other = predict_and_score("rule:previous", tmp_path / "train_efr.json", tmp_path / "a.jsonl")
    rule = predict_and_score("rule:previous-plus-self", tmp_path / "train_efr.json", tmp_path / "b.jsonl")
    assert rule["trigger_f1"] == other["baselines"]["previous-plus-self"]["trigger_f1"]
    named = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text().splitlines()]
    num_named = {row["emotions"][-1] == "relaxed": len(row["triggers"]) for row in named}
    assert num_named == {True: 1, False: 2}


def test_a_transcript_is_labelled_with_emotions_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "call.txt").write_text("Ana: Hello?\nBen: You again!\nAna: Sorry.\n")
    declaration = 'labels = ["relaxed", "tense"]\nneutral = "relaxed"\n'
    (tmp_path / "own.toml").write_text(declaration)
    (tmp_path / "script.jsonl").write_text(json.dumps({"default": True, "answers": ["Emotion: tense"]}) + "\n")
    options = ("--model", f"scripted:{tmp_path / 'script.jsonl'}", "--json")
    named = json.loads(run("analyze", tmp_path / "call.txt", *options, "--emotion-set", tmp_path / "own.toml").stdout)
    (tmp_path / "emotions.toml").write_text(declaration)
    beside = json.loads(run("analyze", tmp_path / "call.txt", *options).stdout)
    assert named == beside
    assert beside["emotion_set"]["labels"] == ["relaxed", "tense"]
    assert [utterance["emotion"] for utterance in beside["utterances"]] == ["tense"] * 3

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from run_inference import predict_emotions_file, predict_file, predict_unified_file, relabel_cases
from toy_cases import CAFE, case

from fliptrace.core.errors import InputError, RunError
from fliptrace.core.flips import FlipCase, find_flips
from fliptrace.core.messages import Completion, Message
from fliptrace.corpora.longest_prefixes import LongestPrefix, collect_longest_prefixes
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.emotions import EmotionLabels
from fliptrace.inference.task_files import likeliest_pair
from fliptrace.models.base import Choice, Decoding, Request
from fliptrace.models.rules import find_rule
from fliptrace.models.scripted import ScriptedModel
from fliptrace.predictions.rows import EmotionPrediction, Prediction, read_manifest, read_predictions
from fliptrace.predictions.unified_rows import UnifiedPrediction
from fliptrace.prompts.answers import render_answer
from fliptrace.prompts.views import Layout, View

CONFIG = InferenceConfig(Layout("window", window=3))
# CAFE's utterances with their emotions: Ben neutral, Ana neutral, Ben anger, Carla neutral, Ben anger, Ana fear.
TALKS = ScriptedModel(
    {"cafe/0/emotion": ["joy"], "cafe/3/emotion": ["Hm."]},
    {"emotion?": ["anger"]},
    default=["Triggers: 1"],
)
PREFIX = LongestPrefix(CAFE.dialogue, (CAFE,))


@dataclass(frozen=True)
class LateScorer:
    """Scores anger highest if the utterance says "late", else joy; fear comes second."""

    name: str = "late scorer"

    def score_replies(self, choices: Sequence[Choice]) -> list[tuple[float, ...]]:
        return [tuple(self._log_probs(choice)[reply] for reply in choice.replies) for choice in choices]

    def fits(self, messages: tuple[Message, ...], max_new_tokens: int) -> bool:
        return True

    def _log_probs(self, choice: Choice) -> dict[str, float]:
        best = "anger" if "late" in choice.messages[-1].content.split("\n")[-2] else "joy"
        return dict.fromkeys(choice.replies, -5.0) | {"fear": -2.0, best: -0.2}


def test_emotions_are_written_one_row_per_dialogue(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    written = predict_emotions_file(TALKS, [PREFIX], CONFIG, path, {"file": "toy"})
    [row] = read_predictions(path)
    assert isinstance(row, EmotionPrediction) and [row] == written.rows
    assert row.emotions == ("joy", "anger", "anger", "neutral", "anger", "anger")
    assert (row.gold, row.num_unparsed) == (CAFE.dialogue.emotions, 1)
    manifest = read_manifest(path)
    assert (manifest["task"], manifest["num_dialogues"], manifest["num_unparsed"]) == ("emotion", 1, 1)


def test_what_an_earlier_row_holds_has_no_gold_in_a_later_one(tmp_path: Path) -> None:
    later = replace(PREFIX, dialogue=replace(CAFE.dialogue, id="later"), counted_from=4)
    predict_emotions_file(TALKS, [PREFIX, later], CONFIG, tmp_path / "e.jsonl", {})
    _, row = read_predictions(tmp_path / "e.jsonl")
    assert isinstance(row, EmotionPrediction)
    assert row.gold == (None, None, None, None, "anger", "fear")


def test_a_row_of_the_unified_task_holds_both_sides(tmp_path: Path) -> None:
    path = tmp_path / "u.jsonl"
    written = predict_unified_file(TALKS, [PREFIX], CONFIG, path, {"file": "toy"})
    [row] = read_predictions(path)
    assert isinstance(row, UnifiedPrediction) and [row] == written.rows
    assert row.emotions == ("joy", "anger", "anger", "neutral", "anger", "anger")
    assert [(f.flip.target, f.triggers) for f in row.gold_flips] == [(2, None), (5, frozenset({2, 4}))]
    assert [(f.flip.source, f.flip.target, sorted(f.vote.triggers)) for f in row.flips] == [(0, 2, [1])]
    assert row.num_unparsed == 1
    assert read_manifest(path)["task"] == "unified"


def test_a_case_that_knows_its_labels_from_later_on_says_so_in_the_row(tmp_path: Path) -> None:
    known_later = replace(CAFE, known_from=1)
    predict_unified_file(TALKS, [replace(PREFIX, cases=(known_later,))], CONFIG, tmp_path / "u.jsonl", {})
    [row] = read_predictions(tmp_path / "u.jsonl")
    assert isinstance(row, UnifiedPrediction)
    assert [f.known_from for f in row.gold_flips] == [0, 1]


class NarrowTalks(ScriptedModel):
    """TALKS with a context of 140 words, to which whatever it is asked must fit."""

    def complete(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        assert all(self.fits(request.messages, decoding.max_new_tokens) for request in requests)
        return super().complete(requests, decoding)


def test_what_the_model_read_only_the_beginning_of_is_counted_in_row_and_manifest(tmp_path: Path) -> None:
    narrow = NarrowTalks(TALKS.by_key, TALKS.by_text, TALKS.default, num_context_tokens=140)
    long = replace(CAFE.dialogue.utterances[2], text="late " * 500)
    dialogue = replace(CAFE.dialogue, utterances=(*CAFE.dialogue.utterances[:2], long, *CAFE.dialogue.utterances[3:]))
    case = replace(CAFE, dialogue=dialogue)
    prefix = LongestPrefix(dialogue, (case,))
    config = InferenceConfig(replace(CONFIG.layout, max_words=1_000), decoding=Decoding(max_new_tokens=32))

    predict_emotions_file(narrow, [prefix], config, tmp_path / "e.jsonl", {})
    [row] = read_predictions(tmp_path / "e.jsonl")
    assert isinstance(row, EmotionPrediction)
    assert (row.num_shortened, read_manifest(tmp_path / "e.jsonl")["num_shortened"]) == (1, 1)

    predict_unified_file(narrow, [prefix], config, tmp_path / "u.jsonl", {})
    [both] = read_predictions(tmp_path / "u.jsonl")
    assert isinstance(both, UnifiedPrediction) and [flip.flip.target for flip in both.flips] == [2]
    assert (both.num_shortened, both.flips[0].num_shortened) == (1, 1)
    manifest = read_manifest(tmp_path / "u.jsonl")
    assert (manifest["num_shortened"], manifest["num_shortened_cases"]) == (1, 1)
    assert relabel_cases(narrow, [case], config).num_shortened == 1


def test_under_predicted_emotions_the_flip_stays_and_all_labels_are_the_models() -> None:
    [[relabelled], num_unparsed, num_gold_pairs, *_] = relabel_cases(LateScorer(), [CAFE], CONFIG)
    # "You are late." is labelled anger. Source and target would both be joy, but they are known to differ.
    assert relabelled.dialogue.emotions[2] == "anger"
    assert (relabelled.flip.source, relabelled.flip.target) == (1, 5)
    assert {relabelled.flip.before, relabelled.flip.after} == {"joy", "fear"}
    assert (relabelled.triggers, relabelled.id) == (CAFE.triggers, CAFE.id)
    assert (num_unparsed, num_gold_pairs) == (0, 0)


def test_two_labels_that_differ_are_taken_as_they_are() -> None:
    labels = EmotionLabels(("joy", "anger", "joy", "joy", "joy", "fear"), None)
    assert likeliest_pair(CAFE, labels) == ("anger", "fear")


def test_of_two_equal_labels_the_less_certain_gives_way() -> None:
    names = CAFE.dialogue.emotion_set.labels
    rows = [tuple(1.0 if name == "joy" else 0.0 for name in names)] * 6
    rows[1] = tuple({"joy": 0.9, "fear": 0.1}.get(name, 0.0) for name in names)
    rows[5] = tuple({"joy": 0.6, "anger": 0.4}.get(name, 0.0) for name in names)
    assert likeliest_pair(CAFE, EmotionLabels(("joy",) * 6, tuple(rows))) == ("joy", "anger")


def test_without_probabilities_an_equal_pair_keeps_its_labels_and_is_counted() -> None:
    [[relabelled], num_unparsed, num_gold_pairs, *_] = relabel_cases(TALKS, [CAFE], CONFIG)
    assert relabelled.flip == CAFE.flip
    assert relabelled.dialogue.emotions == ("joy", "neutral", "anger", "neutral", "anger", "fear")
    assert (num_unparsed, num_gold_pairs) == (1, 1)


def test_cases_of_one_dialogue_are_labelled_once() -> None:
    lines = [(u.speaker, u.emotion, u.text) for u in CAFE.dialogue.utterances]
    earlier = case(*lines[:3], id="earlier")
    relabelled, *_ = relabel_cases(LateScorer(), [earlier, CAFE], CONFIG)
    assert [len(each.dialogue) for each in relabelled] == [3, 6]
    assert relabelled[0].flip.after == relabelled[1].dialogue.emotions[2] == "anger"


def test_a_row_says_whose_emotions_it_was_shown(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    relabelled, *_ = relabel_cases(TALKS, [CAFE], CONFIG)
    predict_file(TALKS, relabelled, replace(CONFIG, emotions_from="predicted"), path, {})
    [row] = read_predictions(path)
    assert isinstance(row, Prediction)
    assert (row.emotions_from, row.emotions) == ("predicted", relabelled[0].dialogue.emotions)


@pytest.mark.parametrize("write", [predict_emotions_file, predict_unified_file])
def test_a_killed_run_continues_and_writes_the_same_file(tmp_path: Path, write: object) -> None:
    assert callable(write)
    prefixes = [LongestPrefix(replace(CAFE.dialogue, id=f"cafe-{i}")) for i in range(4)]
    whole = tmp_path / "whole.jsonl"
    write(TALKS, prefixes, CONFIG, whole, {})
    killed = tmp_path / "killed.jsonl"

    def die(num_done: int) -> None:
        if num_done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(TALKS, prefixes, CONFIG, killed, {}, die)
    partial = killed.with_name("killed.jsonl.partial")
    partial.write_bytes(partial.read_bytes() + b'{"task": "emo')
    assert write(TALKS, prefixes, CONFIG, killed, {}).num_resumed == 2
    assert killed.read_bytes() == whole.read_bytes()
    assert not partial.exists()


def test_a_partial_file_of_another_task_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.with_name("p.jsonl.partial").write_text(json.dumps({"run": "other"}) + "\n")
    with pytest.raises(RunError, match="left by a run with other data, model or settings"):
        predict_emotions_file(TALKS, [PREFIX], CONFIG, path, {})


def test_a_run_that_fails_at_once_leaves_no_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no answer to request"):
        predict_emotions_file(ScriptedModel(name="mute"), [PREFIX], CONFIG, tmp_path / "p.jsonl", {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [predict_emotions_file, predict_unified_file])
def test_a_rule_is_refused_before_anything_is_written(tmp_path: Path, write: object) -> None:
    assert callable(write)
    with pytest.raises(InputError, match="rule:previous: labels no emotions"):
        write(find_rule("previous"), [PREFIX], CONFIG, tmp_path / "p.jsonl", {})
    assert list(tmp_path.iterdir()) == []


def answer(asked: FlipCase) -> str:
    """The right answer line in the window layout."""
    return render_answer(asked.triggers or frozenset(), View(asked, Layout("window", window=120)))


def test_a_perfect_model_finds_every_flip_of_real_cases(data_root: Path, tmp_path: Path) -> None:
    from fliptrace.corpora.efr import read_efr
    from fliptrace.scoring.scores import score_file

    prefixes = collect_longest_prefixes(read_efr(data_root / "masac-fr" / "MaSaC_val_efr.json").cases)[:12]
    emotions = {
        f"{prefix.dialogue.id}/{i}/emotion": [emotion or "neutral"]
        for prefix in prefixes
        for i, emotion in enumerate(prefix.dialogue.emotions)
    }
    triggers = {
        f"{prefix.dialogue.id}/{asked.flip.target}": [answer(asked)] for prefix in prefixes for asked in prefix.cases
    }
    model = ScriptedModel(emotions | triggers, default=["Triggers: 1"])
    config = InferenceConfig(
        Layout("window", window=120, max_words=50)
    )  # wide enough that no two questions are the same
    predict_unified_file(model, prefixes, config, tmp_path / "u.jsonl", {})
    scores = score_file(tmp_path / "u.jsonl", num_draws=20).to_json()
    assert (scores["trigger_f1"], scores["flip_f1"], scores["weighted_f1"]) == (1.0, 1.0, 1.0)
    num_flips = sum(f.target >= t.counted_from for t in prefixes for f in find_flips(t.dialogue))
    assert scores["num_flips"] == scores["num_found_flips"] == num_flips

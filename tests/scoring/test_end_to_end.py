from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from scored_cases import GOLD_EMOTIONS, UNIFIED

from fliptrace.core.errors import InputError
from fliptrace.core.files import write_jsonl
from fliptrace.models.rules import find_rule
from fliptrace.predictions.unified_rows import UnifiedPrediction
from fliptrace.scoring.counts import Counts
from fliptrace.scoring.end_to_end import count_end_to_end, label_predictions, match_flips, name_by_rule
from fliptrace.scoring.scores import compare_files, score_file
from fliptrace.scoring.unified_scores import UnifiedFileScores


def totals(*rows: UnifiedPrediction) -> tuple[Counts, Counts, Counts]:
    counts = count_end_to_end(rows)
    flips, triggers, matched = (
        Counts.total(case.counts for case in cases) for cases in (counts.flips, counts.triggers, counts.matched)
    )
    return flips, triggers, matched


def test_flips_are_matched_on_speaker_source_and_target() -> None:
    seen = [(m.id, m.gold is not None, m.found is not None) for m in match_flips(UNIFIED)]
    assert seen == [("tea/2", True, True), ("tea/3", True, False), ("tea/4", False, True), ("tea/5", True, True)]


def test_a_missed_flip_misses_its_triggers_and_a_false_one_raises_false_alarms() -> None:
    flips, triggers, matched = totals(UNIFIED)
    assert flips == Counts(tp=2, fp=1, fn=1)
    # Target 2: 1 is right, 2 is wrong. Target 3 was missed with its triggers 2 and 3. Target 4 is no flip: 3 is wrong.
    assert triggers == Counts(tp=1, fp=2, fn=2)
    assert matched == Counts(tp=1, fp=1, fn=0)
    assert count_end_to_end([UNIFIED]).num_unlabelled == 1


def test_labels_before_known_from_do_not_count() -> None:
    labelled = (
        replace(UNIFIED.gold_flips[0], known_from=2),
        replace(UNIFIED.gold_flips[1], known_from=3),
        UNIFIED.gold_flips[2],
    )
    _, triggers, _ = totals(replace(UNIFIED, gold_flips=labelled))
    assert triggers == Counts(tp=0, fp=2, fn=1)


def test_what_stands_in_an_earlier_row_counts_once() -> None:
    later = replace(UNIFIED, id="tea-again", counted_from=4)
    flips, triggers, _ = totals(later)
    assert (flips, triggers) == (Counts(tp=1, fp=1, fn=0), Counts(0, 0, 0))
    assert [row.gold for row in label_predictions([later])] == [(None, None, None, None, "joy", "neutral")]


def test_where_an_end_is_not_labelled_nobody_knows_of_a_flip() -> None:
    gold: tuple[str | None, ...] = (*GOLD_EMOTIONS[:4], None, "neutral")
    row = replace(UNIFIED, gold=gold)
    flips, triggers, _ = totals(row)
    assert (flips, triggers) == (Counts(tp=2, fp=0, fn=1), Counts(tp=1, fp=1, fn=2))
    assert count_end_to_end([row]).num_undecided == 1


def test_without_labelled_triggers_flips_are_scored_alone() -> None:
    bare = replace(UNIFIED, gold_flips=tuple(replace(each, triggers=None) for each in UNIFIED.gold_flips))
    flips, triggers, _ = totals(bare)
    assert (flips, triggers) == (Counts(2, 1, 1), Counts(0, 0, 0))
    assert count_end_to_end([bare]).triggers == ()


def test_a_rule_names_triggers_of_the_flips_that_were_found() -> None:
    by_rule = name_by_rule(UNIFIED, find_rule("previous"))
    assert [sorted(each.vote.triggers) for each in by_rule.flips] == [[1], [3], [4]]
    assert totals(by_rule)[1] == Counts(tp=1, fp=1, fn=2)


def test_no_labels_at_all_are_nothing_to_score() -> None:
    with pytest.raises(InputError, match="toy: no labels; expected labelled emotions"):
        count_end_to_end([replace(UNIFIED, gold=(None,) * 6, gold_flips=())], "toy")


@pytest.fixture
def unified_file(tmp_path: Path) -> Path:
    write_jsonl(tmp_path / "u.jsonl", [UNIFIED.to_json(), replace(UNIFIED, id="b", group="b").to_json()])
    return tmp_path / "u.jsonl"


def test_the_json_of_a_unified_file_is_the_documented_one(unified_file: Path) -> None:
    scores = score_file(unified_file, num_draws=100, seed=3)
    assert isinstance(scores, UnifiedFileScores)
    written = json.loads(json.dumps(scores.to_json(), allow_nan=False))
    long = ("anomalies", "prevented", "by_label")
    assert {name: written[name] for name in written if name not in long} == {
        "task": "unified",
        "experiment": "end to end",
        "trigger_f1": 0.333333,
        "trigger_precision": 0.333333,
        "trigger_recall": 0.333333,
        "interval": [0.333333, 0.333333],
        "flip_f1": 0.666667,
        "flip_precision": 0.666667,
        "flip_recall": 0.666667,
        "flip_interval": [0.666667, 0.666667],
        "weighted_f1": 0.5,
        "macro_f1": 0.388889,
        "accuracy": 0.5,
        "emotion_interval": [0.5, 0.5],
        "matched": {"trigger_f1": 0.666667, "trigger_precision": 0.5, "trigger_recall": 1.0, "num_flips": 2},
        "num_flips": 6,
        "num_found_flips": 6,
        "num_unlabelled_flips": 2,
        "num_undecided_flips": 0,
        "num_missing": None,
        "labels_match": None,
        "num_dialogues": 2,
        "num_groups": 2,
        "num_utterances": 12,
        "num_unlabelled_utterances": 0,
        "num_unparsed": 0,
        "num_unparsed_emotions": 0,
        "num_answers": 6,
        "baselines": {
            name: {"trigger_f1": 0.4, "trigger_precision": 0.5, "trigger_recall": 0.333333, "interval": [0.4, 0.4]}
            for name in ("previous", "previous-or-self", "previous-plus-self")
        },
        "settings": {"num_draws": 100, "seed": 3},
    }


def test_a_figure_of_nothing_is_null(tmp_path: Path) -> None:
    bare = replace(UNIFIED, gold_flips=tuple(replace(each, triggers=None) for each in UNIFIED.gold_flips))
    write_jsonl(tmp_path / "u.jsonl", [bare.to_json()])
    written = score_file(tmp_path / "u.jsonl", num_draws=50).to_json()
    assert written["trigger_f1"] is written["interval"] is written["baselines"]["previous"]["trigger_f1"] is None
    assert (written["flip_f1"], written["flip_interval"]) == (0.666667, None)


def test_unified_files_are_not_compared(unified_file: Path) -> None:
    with pytest.raises(InputError, match="no trigger predictions"):
        compare_files(unified_file, unified_file)

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from instruction_rows import read_rows
from run_inference import predict_file
from toy_cases import CAFE

from fliptrace.core.errors import InputError
from fliptrace.core.files import hash_file
from fliptrace.curate.curator import Curator
from fliptrace.curate.files import curate_file, parse_mix, read_own_answers
from fliptrace.inference.config import InferenceConfig
from fliptrace.models.base import ChatModel, Decoding, TriggerModel
from fliptrace.models.rules import find_rule
from fliptrace.models.scripted import ScriptedModel
from fliptrace.prompts.views import Layout

CASES = [replace(CAFE, id=f"cafe-{i}") for i in range(4)]
LAYOUT = Layout("dialogue")


def curate(path: Path, cases: list[Any] = CASES, own: Path | None = None, **settings: Any) -> dict[str, int]:
    defaults: dict[str, Any] = {"weights": {"answer": 1.0, "chain": 0.5}, "layout": LAYOUT, "form": "trl"}
    defaults |= {"curator": Curator(seed=3), "source": {"file": "toy"}}
    return curate_file(cases, path, own=own, **(defaults | settings))


def predictions(path: Path, model: ChatModel | TriggerModel, **settings: Any) -> Path:
    predict_file(model, CASES, InferenceConfig(**({"layout": LAYOUT} | settings)), path, {})
    return path


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("answer", {"answer": 1.0}),
        ("answer=1,chain=0.5", {"answer": 1.0, "chain": 0.5}),
        (" self-evaluation = 2 , flips=0", {"self-evaluation": 2.0, "flips": 0.0}),
    ],
)
def test_a_mix_is_kinds_and_weights(text: str, weights: dict[str, float]) -> None:
    assert parse_mix(text) == weights


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unknown kind; expected one of answer, chain"),
        ("answers=1", "--mix 'answers=1': unknown kind"),
        ("answer=much", "--mix 'answer=much': expected KIND=WEIGHT"),
        ("answer=-1", "expected a weight of 0 or more"),
        ("answer=nan", "expected a weight of 0 or more"),
        ("answer=inf", "expected a weight of 0 or more"),
        ("answer=1,answer=2", "--mix 'answer=2': this kind has a weight already"),
    ],
)
def test_a_mix_that_means_nothing_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_mix(text)


def test_curation_writes_the_mixture_and_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "i.jsonl"
    assert curate(path) == {"answer": 4, "chain": 2}
    assert len(read_rows(path)) == 6
    manifest = json.loads((tmp_path / "i.manifest.json").read_text("utf-8"))
    assert manifest["sha256"] == hash_file(path)
    assert manifest["mix"] == {"answer": 1.0, "chain": 0.5}
    assert (manifest["counts"], manifest["seed"], manifest["form"]) == ({"answer": 4, "chain": 2}, 3, "trl")
    assert (manifest["layout"], manifest["source"], manifest["own"]) == ("dialogue", {"file": "toy"}, "")
    assert "python" in manifest["versions"]


def test_the_same_settings_give_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        curate(tmp_path / name, curator=Curator(seed=seed))
    a, b, c = (tmp_path.joinpath(name).read_bytes() for name in "abc")
    assert a == b != c


def test_own_answers_become_feedback_and_self_evaluation(tmp_path: Path) -> None:
    own = predictions(tmp_path / "p.jsonl", ScriptedModel(default=["Triggers: 2"]))
    weights = {"feedback": 1.0, "self-evaluation": 1.0}
    assert curate(tmp_path / "i.jsonl", own=own, weights=weights) == {"feedback": 4, "self-evaluation": 4}


def test_a_teacher_writes_the_rationales(tmp_path: Path) -> None:
    teacher = ScriptedModel(default=["So.\nTriggers: 3 5"], name="teacher")
    curate(tmp_path / "i.jsonl", weights={"chain": 1.0}, curator=Curator(teacher=teacher))
    assert {row["made_by"] for row in read_rows(tmp_path / "i.jsonl")} == {"teacher"}


def test_unlabelled_cases_are_refused_by_their_id(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="case cafe-9: has no trigger labels"):
        curate(tmp_path / "i.jsonl", [*CASES, replace(CAFE, id="cafe-9", triggers=None)])


def test_feedback_without_own_answers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a prediction file in --own"):
        curate(tmp_path / "i.jsonl", weights={"feedback": 1.0})


def test_a_mixture_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the mixture has no instructions"):
        curate(tmp_path / "i.jsonl", weights={"chain": 1.0}, curator=Curator(teacher=ScriptedModel(default=["Hm."])))
    assert not (tmp_path / "i.jsonl").exists()


def test_own_answers_are_those_before_the_model_judged_them(tmp_path: Path) -> None:
    model = ScriptedModel(by_text={"Judge": ["Verdict: wrong\nTriggers: 3 5"]}, default=["Triggers: 2"])
    own = read_own_answers(predictions(tmp_path / "p.jsonl", model, judge=True), CASES, LAYOUT)
    assert [each.answer.text for each in own] == ["Triggers: 2"] * 4


def test_every_sample_is_an_own_answer(tmp_path: Path) -> None:
    model = ScriptedModel(default=["Triggers: 2", "Hm."])
    path = predictions(tmp_path / "p.jsonl", model, decoding=Decoding("sample", num_samples=2))
    own = read_own_answers(path, CASES[:1], LAYOUT)
    assert [each.answer.value for each in own] == [{1}, None]


def test_an_own_answer_is_corrected_under_the_question_it_was_given_to(tmp_path: Path) -> None:
    path = predictions(tmp_path / "p.jsonl", ScriptedModel(default=["Triggers: 2"]), ask="chain")
    assert {each.ask for each in read_own_answers(path, CASES, LAYOUT)} == {"chain"}


def test_the_answers_of_a_rule_are_no_replies_to_correct(tmp_path: Path) -> None:
    path = predictions(tmp_path / "p.jsonl", find_rule("previous"))
    with pytest.raises(InputError, match="no replies to any of the cases"):
        read_own_answers(path, CASES, LAYOUT)


def test_answers_given_in_another_layout_are_refused(tmp_path: Path) -> None:
    path = predictions(tmp_path / "p.jsonl", ScriptedModel(default=["Triggers: 1"]), layout=Layout("window"))
    with pytest.raises(InputError, match="case cafe-0: its replies name other utterances in the dialogue layout"):
        read_own_answers(path, CASES, LAYOUT)


def test_an_answer_that_was_cut_off_stays_unparsed_whatever_its_text_says(tmp_path: Path) -> None:
    path = predictions(tmp_path / "p.jsonl", ScriptedModel(default=["Triggers: 2"]))
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows[0] |= {"triggers": [], "support": [0.0] * 6, "num_valid": 0}
    rows[0]["answers"][0] |= {"value": None, "anomalies": ["unreadable"]}
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert [each.answer.value for each in read_own_answers(path, CASES, LAYOUT)] == [None, {1}, {1}, {1}]

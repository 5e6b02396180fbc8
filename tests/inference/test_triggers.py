from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_inference import name_triggers, predict_file
from toy_cases import CAFE, NASTY_TEXTS, case, flip_cases

from fliptrace.core.errors import InputError, RunError
from fliptrace.core.flips import FlipCase
from fliptrace.core.messages import Completion, Message
from fliptrace.inference.config import InferenceConfig, resolve_config
from fliptrace.inference.sampling import answer_cases
from fliptrace.inference.triggers import PredictedFile
from fliptrace.models.base import ChatModel, Choice, Decoding, DecodingKind, Request
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.models.rules import RULES, Rule, find_rule
from fliptrace.models.scripted import ScriptedModel
from fliptrace.predictions.rows import Prediction, manifest_path, read_predictions
from fliptrace.prompts.answers import render_question
from fliptrace.prompts.self_evaluation import render_judgement_prompt
from fliptrace.prompts.views import Layout

SAMPLE_3 = Decoding("sample", num_samples=3)
PLAIN = InferenceConfig()
JUDGED = InferenceConfig(judge=True, decoding=SAMPLE_3)
CASES = [replace(CAFE, id=f"cafe-{i}") for i in range(5)]


def predict_one(model: ChatModel | Rule, config: InferenceConfig = PLAIN, case: FlipCase = CAFE) -> Prediction:
    [prediction] = name_triggers(model, [case], config)
    return prediction


def says(*replies: str) -> ScriptedModel:
    return ScriptedModel(default=replies)


def judges(draft: Sequence[str], *judgements: str) -> ScriptedModel:
    """Replies to the question with the drafts, and to the n-th request to judge with the n-th judgement."""
    by_key = {f"cafe/judge/{number}": [text] for number, text in enumerate(judgements)}
    return ScriptedModel(by_key, default=draft)


def test_a_reply_becomes_a_prediction() -> None:
    prediction = predict_one(says("Triggers: 3"))
    assert (prediction.vote.triggers, prediction.vote.support) == ({2}, (0, 0, 1, 0, 0, 0))
    assert [(answer.text, answer.value) for answer in prediction.answers] == [("Triggers: 3", {2})]
    assert (prediction.gold, prediction.drafts, prediction.verdicts) == ({2, 4}, (), ())


def test_samples_vote() -> None:
    prediction = predict_one(says("Triggers: 3 5", "Triggers: 3", "Triggers: none"), InferenceConfig(decoding=SAMPLE_3))
    assert prediction.vote.triggers == {2}
    assert prediction.vote.support == (0, 0, 2 / 3, 0, 1 / 3, 0)
    assert len(prediction.answers) == 3


@pytest.mark.parametrize(("threshold", "triggers"), [(0.3, {2, 4}), (0.5, {2}), (0.9, set())])
def test_the_threshold_is_the_share_of_votes_that_names_a_trigger(threshold: float, triggers: set[int]) -> None:
    model = says("Triggers: 3 5", "Triggers: 3", "Triggers: none")
    assert predict_one(model, InferenceConfig(decoding=SAMPLE_3, threshold=threshold)).vote.triggers == triggers


def test_an_unparsed_reply_does_not_vote_and_is_counted() -> None:
    prediction = predict_one(says("Triggers: 3", "I do not know", "Triggers: 99"), InferenceConfig(decoding=SAMPLE_3))
    assert (prediction.vote.triggers, prediction.vote.num_valid, prediction.vote.num_samples) == ({2}, 1, 3)
    assert [answer.anomalies for answer in prediction.answers] == [(), ("unreadable",), ("unknown utterance",)]


@dataclass(frozen=True)
class CutOff:
    """A model whose replies are all cut off at its token limit."""

    text: str
    name: str = "cut"

    def complete(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        return [(Completion(self.text, 10, 8, "length"),) for _ in requests]

    def fits(self, messages: object, max_new_tokens: int) -> bool:
        return True


@pytest.mark.parametrize("text", ["<think>\nTriggers: 3\nOr rather", "Triggers: 3", "Hm.\nTriggers:\n- 3"])
def test_a_draft_within_thoughts_and_a_line_that_may_go_on_do_not_vote(text: str) -> None:
    prediction = predict_one(CutOff(text))
    assert (prediction.vote.num_valid, prediction.vote.triggers) == (0, frozenset())
    assert [(answer.value, answer.text) for answer in prediction.answers] == [(None, text)]


def test_where_nothing_can_be_parsed_nothing_is_named() -> None:
    prediction = predict_one(says("I do not know"))
    assert prediction.vote.is_unparsed
    assert (prediction.vote.triggers, prediction.answers[0].value) == (frozenset(), None)


def test_every_draft_is_judged_and_the_last_word_votes() -> None:
    model = judges(
        ["Triggers: 1", "Triggers: 3", "Triggers: 6"],
        "Verdict: wrong\nTriggers: 3",
        "Verdict: right\nTriggers: 3",
        "Verdict: wrong\nTriggers: none",
    )
    prediction = predict_one(model, JUDGED)
    assert [answer.value for answer in prediction.drafts] == [{0}, {2}, {5}]
    assert [answer.value for answer in prediction.answers] == [{2}, {2}, set()]
    assert prediction.verdicts == (False, True, False)
    assert prediction.vote.triggers == {2}


@pytest.mark.parametrize(
    ("judgement", "verdict", "value"),
    [
        ("Verdict: wrong\nTriggers: 3", False, {2}),
        ("Triggers: 3", None, {2}),
        ("Verdict: wrong", False, {0}),
        ("Well.", None, {0}),
        ("Verdict: wrong\nTriggers: 99", False, {0}),
    ],
)
def test_an_unreadable_judgement_keeps_the_draft(judgement: str, verdict: bool | None, value: set[int]) -> None:
    prediction = predict_one(judges(["Triggers: 1"], judgement), InferenceConfig(judge=True))
    assert (prediction.verdicts, prediction.answers[0].value) == ((verdict,), value)


def test_an_unreadable_draft_can_be_judged_into_a_readable_answer() -> None:
    prediction = predict_one(judges(["Hm."], "Verdict: wrong\nTriggers: 3"), InferenceConfig(judge=True))
    assert (prediction.drafts[0].value, prediction.vote.triggers, prediction.vote.num_valid) == (None, {2}, 1)


@pytest.mark.parametrize("name", list(RULES))
def test_a_rule_predicts_as_it_names(name: str) -> None:
    rule = find_rule(name)
    prediction = predict_one(rule)
    assert prediction.vote.triggers == rule.name_triggers(CAFE)
    assert [answer.text for answer in prediction.answers] == [""]


@given(flip_cases())
def test_whatever_the_case_there_is_a_prediction_within_it(drawn: FlipCase) -> None:
    for layout in (Layout("dialogue"), Layout("window")):
        prediction = predict_one(says("Triggers: 1 2 40"), InferenceConfig(layout), drawn)
        assert prediction.vote.triggers <= set(range(drawn.flip.target + 1))
        assert (prediction.id, prediction.gold) == (drawn.id, drawn.triggers)


def test_predictions_come_in_the_order_of_the_cases_however_many() -> None:
    cases = [replace(CAFE, id=f"cafe-{i}") for i in range(600)]
    model = ScriptedModel({f"cafe-{i}": [f"Triggers: {1 + i % 6}"] for i in range(600)})
    predictions = list(name_triggers(model, cases, PLAIN))
    assert [prediction.id for prediction in predictions] == [case.id for case in cases]
    assert [prediction.vote.triggers for prediction in predictions] == [{i % 6} for i in range(600)]


LONG = case(*[("Ben", "joy", "word " * 40)] * 5, ("Ana", "joy"), ("Ben", "joy"), ("Ana", "fear"))


@pytest.mark.parametrize("judge", [False, True])
def test_what_does_not_fit_is_dropped_and_counted(judge: bool) -> None:
    """There must be room for a draft of maximal length and for its judgement as well."""
    draft = "Triggers: 7\n" + "word " * 38
    room = ScriptedModel(default=[draft], num_context_tokens=320)
    [answered] = answer_cases(room, [LONG], InferenceConfig(judge=judge, decoding=Decoding(max_new_tokens=40)))
    asked = (render_question(answered.view, "answer"), render_judgement_prompt(answered.view, "answer", draft))
    assert room.fits(asked[judge], 40)
    assert 0 < answered.num_dropped == 8 - len(answered.view.shown)


def test_a_flip_that_does_not_fit_at_all_is_refused_by_its_case() -> None:
    with pytest.raises(InputError, match="case cafe: flip and question alone overrun the model's context"):
        predict_one(ScriptedModel(default=["Triggers: 3"], num_context_tokens=20))


@dataclass(frozen=True)
class Narrow:
    """A model with a context of 3,000 characters, to which whatever it is asked must fit. `seen`: the questions."""

    seen: list[str] = field(default_factory=list)
    name: str = "narrow"

    def fits(self, messages: Sequence[Message], max_new_tokens: int) -> bool:
        return sum(len(message.content) for message in messages) + max_new_tokens <= 3_000

    def complete(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        assert all(self.fits(request.messages, decoding.max_new_tokens) for request in requests)
        self.seen.extend(request.messages[-1].content for request in requests)
        return [(Completion("Triggers: 5", 1, 2),) for _ in requests]


class NarrowScorer(Narrow):
    """The same for exact decoding."""

    def score_replies(self, choices: Sequence[Choice]) -> list[tuple[float, ...]]:
        assert all(self.fits(choice.messages, 0) for choice in choices)
        self.seen.extend(choice.messages[-1].content for choice in choices)
        return [tuple(-0.01 if reply == "Triggers: 5" else -9.0 for reply in choice.replies) for choice in choices]


def with_texts(shown: FlipCase, texts: dict[int, str]) -> FlipCase:
    utterances = tuple(replace(u, text=texts.get(i, u.text)) for i, u in enumerate(shown.dialogue.utterances))
    return replace(shown, dialogue=replace(shown.dialogue, utterances=utterances))


@pytest.mark.parametrize("kind", ["greedy", "exact"])
@pytest.mark.parametrize("overlong", [(5,), (1, 5), (1,), (3, 5)], ids=str)
def test_a_source_or_target_too_long_for_the_model_is_cut_in_the_prompt_and_counted(
    overlong: tuple[int, ...], kind: DecodingKind
) -> None:
    asked = with_texts(CAFE, {i: f"I am {i}. " + "9" * 5_000 for i in overlong})
    model = NarrowScorer() if kind == "exact" else Narrow()
    prediction = predict_one(model, InferenceConfig(decoding=Decoding(kind, max_new_tokens=64)), asked)
    ends = [i for i in overlong if i in (1, 5)]
    assert (prediction.num_shortened, prediction.vote.triggers) == (len(ends), {4})
    for i in ends:
        [line] = [line for line in model.seen[-1].splitlines() if f"I am {i}." in line]
        assert line.endswith("999 …") and len(line) > 300
    assert Prediction.from_json(prediction.to_json()) == prediction
    assert "I am 3." not in model.seen[-1]  # what lies between is left out whole, with all before it but the source
    assert prediction.num_dropped == (3 if 3 in overlong else 0)


def test_a_case_that_fits_has_no_field_for_what_was_cut() -> None:
    prediction = predict_one(Narrow(), InferenceConfig(decoding=Decoding(max_new_tokens=64)))
    assert prediction.num_shortened == 0 and "num_shortened" not in prediction.to_json()


def test_own_answers_are_given_without_sight_of_unknown_labels() -> None:
    hidden = replace(CAFE, known_from=1)
    shown = [answer_cases(says("Triggers: 3"), [hidden], PLAIN, hide_unknown=hide)[0].view.shown for hide in (0, 1)]
    assert shown == [(0, 1, 2, 3, 4, 5), (1, 2, 3, 4, 5)]


DEFAULTS = InferenceDefaults(Layout("window", window=6), "chain", {"sample": 0.3})


@pytest.mark.parametrize(
    ("settings", "config"),
    [
        ({}, InferenceConfig(DEFAULTS.layout, "chain", SAMPLE_3, threshold=0.3)),
        ({"stop_early": True}, InferenceConfig(DEFAULTS.layout, "chain", SAMPLE_3, threshold=0.3, stop_early=True)),
        ({"ask": "answer", "threshold": 0.7}, InferenceConfig(DEFAULTS.layout, "answer", SAMPLE_3, threshold=0.7)),
        ({"layout": "dialogue", "judge": True}, InferenceConfig(Layout("dialogue", 6), "chain", SAMPLE_3, True, 0.3)),
    ],
)
def test_inference_follows_the_training_defaults_unless_settings_differ(
    settings: dict[str, Any], config: InferenceConfig
) -> None:
    assert resolve_config(DEFAULTS, SAMPLE_3, **settings) == config


@pytest.mark.parametrize("threshold", [0.0, 1.5, -1.0])
def test_a_threshold_that_is_no_share_is_refused(threshold: float) -> None:
    with pytest.raises(InputError, match=f"threshold: {threshold}: expected more than 0 and at most 1"):
        resolve_config(DEFAULTS, SAMPLE_3, threshold=threshold)


@pytest.mark.parametrize("kind", ["greedy", "exact"])
def test_only_samples_can_stop_early(kind: Any) -> None:
    with pytest.raises(InputError, match=f"stop_early: {kind} decoding draws no samples that vote; expected sample"):
        resolve_config(DEFAULTS, Decoding(kind), stop_early=True)


# Stopping early -----------------------------------------------------------------------------------------------------

WORDS = ["Triggers: none", "Triggers: 3", "Triggers: 1 3", "Triggers: 5", "Hm.", "Triggers: 99"]


@dataclass(frozen=True)
class Counting:
    """A scripted model that records its calls: for each the keys, the numbers of the first replies, and how many."""

    model: ScriptedModel
    calls: list[tuple[list[str], set[int], int]] = field(default_factory=list)
    name: str = "counting"

    def complete(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        keys, numbers = [request.key for request in requests], {request.number for request in requests}
        self.calls.append((keys, numbers, decoding.num_replies))
        return self.model.complete(requests, decoding)

    def fits(self, messages: Any, max_new_tokens: int) -> bool:
        return True


@st.composite
def sampled_cases(draw: st.DrawFn) -> tuple[ScriptedModel, InferenceConfig]:
    """A script of all replies to the five cases and their judgements, and a config that samples all of them."""
    num_samples = draw(st.integers(1, 12))
    replies = {case.id: draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=num_samples)) for case in CASES}
    judgements = {
        f"{case.id}/judge/{number}": [f"Verdict: wrong\n{draw(st.sampled_from(WORDS))}"]
        for case in CASES
        for number in range(num_samples)
    }
    threshold = draw(st.sampled_from([0.1, 0.3, 1 / 3, 0.5, 0.6, 2 / 3, 0.7, 0.9, 1.0]) | st.floats(0.01, 1))
    decoding = Decoding("sample", num_samples=num_samples)
    return ScriptedModel(replies | judgements), InferenceConfig(
        decoding=decoding, judge=draw(st.booleans()), threshold=threshold
    )


@given(sampled_cases())
def test_stopping_early_names_the_triggers_of_all_samples(drawn: tuple[ScriptedModel, InferenceConfig]) -> None:
    model, config = drawn
    whole = name_triggers(model, CASES, config)
    early = name_triggers(model, CASES, replace(config, stop_early=True))
    for full, few in zip(whole, early, strict=True):
        num_drawn = few.vote.num_samples
        assert (few.vote.triggers, few.vote.is_unparsed) == (full.vote.triggers, full.vote.is_unparsed)
        assert num_drawn == len(few.answers) <= full.vote.num_samples
        assert (few.answers, few.drafts) == (full.answers[:num_drawn], full.drafts[:num_drawn])
        assert few.verdicts == full.verdicts[:num_drawn]


SAMPLE_10 = Decoding("sample", num_samples=10)
EARLY = InferenceConfig(decoding=SAMPLE_10, stop_early=True)
SURE, SPLIT = ["Triggers: 3"], ["Triggers: 3", "Triggers: none"]


def test_later_waves_ask_the_open_cases_alone_and_go_on_from_the_replies_before() -> None:
    model = Counting(ScriptedModel({"cafe-1": SPLIT, "cafe-3": [*SURE * 4, *["Triggers: none"] * 2]}, default=SURE))
    predictions = list(name_triggers(model, CASES, EARLY))
    assert model.calls == [
        ([case.id for case in CASES], {0}, 6),
        (["cafe-1", "cafe-3"], {6}, 2),
        (["cafe-1"], {8}, 2),
    ]
    assert [prediction.vote.num_samples for prediction in predictions] == [6, 10, 6, 8, 6]
    assert predictions[3].vote.support[2] == 6 / 8


def test_where_every_case_is_settled_nothing_more_is_asked() -> None:
    model = Counting(says(*SURE))
    assert {prediction.vote.num_samples for prediction in name_triggers(model, CASES, EARLY)} == {6}
    assert len(model.calls) == 1


def test_without_stopping_early_all_samples_are_asked_for_at_once() -> None:
    model = Counting(says(*SURE))
    list(name_triggers(model, CASES, replace(EARLY, stop_early=False)))
    assert model.calls == [([case.id for case in CASES], {0}, 10)]


def test_the_last_word_of_the_judge_settles_a_vote() -> None:
    """Drafts that agree but are judged differently leave the vote open; each is judged once, under its own number."""
    judged_apart = {f"cafe/judge/{number}": [f"Verdict: wrong\n{SPLIT[number % 2]}"] for number in range(10)}
    model = Counting(ScriptedModel(judged_apart, default=SURE))
    [prediction] = name_triggers(model, [CAFE], replace(EARLY, judge=True))
    assert [answer.value for answer in prediction.answers] == [{2}, set()] * 5
    assert [key for keys, _, _ in model.calls for key in keys if "/judge/" in key] == list(judged_apart)


# The prediction file ------------------------------------------------------------------------------------------------

THIRDS = says(
    "Triggers: 3 5 – ओह\u2028", "Triggers: 3", "Triggers: none"
)  # shares of 1/3, and characters of several bytes
SAMPLED = InferenceConfig(decoding=SAMPLE_3)


def predict_cafe(path: Path, **changes: Any) -> PredictedFile:
    settings: dict[str, Any] = {"model": THIRDS, "cases": CASES, "config": SAMPLED, "data": {"file": "toy"}}
    return predict_file(path=path, **(settings | changes))


@dataclass(frozen=True)
class Killed:
    """A model that raises KeyboardInterrupt when it is asked about the case `dies_at`."""

    dies_at: str
    model: ScriptedModel = THIRDS
    name: str = THIRDS.name

    def complete(self, requests: Sequence[Request], decoding: Decoding) -> list[tuple[Completion, ...]]:
        if any(request.key == self.dies_at for request in requests):
            raise KeyboardInterrupt
        return self.model.complete(requests, decoding)

    def fits(self, messages: Any, max_new_tokens: int) -> bool:
        return True


@pytest.fixture
def one_case_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fliptrace.inference.triggers.CASES_AT_ONCE", 1)


def test_the_file_holds_what_was_predicted_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "p.jsonl"
    predicted = predict_cafe(path)
    assert read_predictions(path) == predicted.predictions == list(name_triggers(THIRDS, CASES, SAMPLED))
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["p.jsonl", "p.manifest.json"]
    assert (predicted.num_resumed, predicted.num_cut_cases) == (0, 0)


@pytest.mark.parametrize("text", NASTY_TEXTS)
def test_replies_and_speakers_come_back_as_they_were(tmp_path: Path, text: str) -> None:
    nasty = case((text.strip() or "Ben", "joy", text), ("Ana", "joy"), ("Ana", "fear"))
    predict_file(says(f"{text}\nTriggers: 1"), [nasty], PLAIN, tmp_path / "p.jsonl", {})
    [prediction] = read_predictions(tmp_path / "p.jsonl")
    assert isinstance(prediction, Prediction)
    assert (prediction.speakers, prediction.answers[0].text) == (nasty.dialogue.speakers, f"{text}\nTriggers: 1")


def test_the_manifest_says_which_model_was_asked_what(tmp_path: Path) -> None:
    predict_cafe(tmp_path / "p.jsonl")
    manifest = json.loads(manifest_path(tmp_path / "p.jsonl").read_text("utf-8"))
    assert (manifest["model"], manifest["data"], manifest["num_cases"]) == ("scripted", {"file": "toy"}, 5)
    assert manifest["inference"]["decoding"]["num_samples"] == 3
    assert manifest["inference"]["layout"]["name"] == "dialogue"
    assert (len(manifest["prompts_sha256"]), manifest["num_cut_cases"], manifest["num_shortened_cases"]) == (64, 0, 0)
    assert {"python", "fliptrace"} <= manifest["versions"].keys()


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({}, True),
        ({"model": says("Triggers: 1")}, True),  # a hash of prompts, not of replies
        ({"cases": CASES[:4]}, False),
        ({"config": replace(SAMPLED, ask="chain")}, False),
        ({"config": replace(SAMPLED, layout=Layout("window"))}, False),
    ],
)
def test_other_prompts_have_another_hash(tmp_path: Path, change: dict[str, Any], is_same: bool) -> None:
    for name, changes in (("a", {}), ("b", change)):
        predict_cafe(tmp_path / f"{name}.jsonl", **changes)
    hashes = [json.loads((tmp_path / f"{n}.manifest.json").read_text("utf-8"))["prompts_sha256"] for n in "ab"]
    assert (hashes[0] == hashes[1]) is is_same


def test_progress_is_reported_case_by_case(tmp_path: Path) -> None:
    progress: list[int] = []
    predict_cafe(tmp_path / "p.jsonl", on_progress=progress.append)
    assert progress == [0, 1, 2, 3, 4, 5]


@pytest.mark.usefixtures("one_case_at_once")
def test_a_killed_run_continues_where_it_stopped(tmp_path: Path) -> None:
    path, progress = tmp_path / "p.jsonl", []  # type: tuple[Path, list[int]]
    with pytest.raises(KeyboardInterrupt):
        predict_cafe(path, model=Killed("cafe-3"))
    assert not path.exists()
    only_the_rest = ScriptedModel({case.id: THIRDS.default for case in CASES[3:]})
    predicted = predict_cafe(path, model=only_the_rest, on_progress=progress.append)
    assert (predicted.num_resumed, progress) == (3, [3, 4, 5])
    assert predicted.predictions == predict_cafe(tmp_path / "whole.jsonl").predictions


@pytest.mark.usefixtures("one_case_at_once")
def test_a_run_cut_off_at_any_byte_ends_in_the_same_file(tmp_path: Path) -> None:
    """The cuts are within the header, within rows, within characters of several bytes, and right after line ends."""
    whole, path = tmp_path / "whole.jsonl", tmp_path / "p.jsonl"
    expected = predict_cafe(whole)
    with pytest.raises(KeyboardInterrupt):
        predict_cafe(path, model=Killed("cafe-4"))
    partial = tmp_path / "p.jsonl.partial"
    left = partial.read_bytes()
    line_ends = [i + 1 for i, byte in enumerate(left) if byte == ord("\n")]
    inside_characters = [i for i in range(len(left)) if left[i] & 0xC0 == 0x80]
    assert len(line_ends) == 5 and inside_characters
    cuts = random.Random(0).sample(range(len(left)), 40) + line_ends + inside_characters[:9] + [0, 1, len(left) - 1]
    for cut in cuts:
        partial.write_bytes(left[:cut])
        predicted = predict_cafe(path)
        assert path.read_bytes() == whole.read_bytes()
        assert predicted.predictions == expected.predictions
        assert predicted.num_resumed == max(0, left[:cut].count(b"\n") - 1)
        assert not partial.exists()
        path.unlink()


@pytest.mark.usefixtures("one_case_at_once")
def test_a_killed_run_that_stops_early_ends_in_the_same_file(tmp_path: Path) -> None:
    path, whole = tmp_path / "p.jsonl", tmp_path / "whole.jsonl"
    model = ScriptedModel({"cafe-1": SPLIT, "cafe-4": SPLIT}, default=SURE)
    with pytest.raises(KeyboardInterrupt):
        predict_cafe(path, model=Killed("cafe-3", model), config=EARLY)
    assert predict_cafe(path, model=model, config=EARLY).num_resumed == 3
    predict_cafe(whole, model=model, config=EARLY)
    assert path.read_bytes() == whole.read_bytes()


OTHER_RUNS: list[dict[str, Any]] = [
    {"model": ScriptedModel(default=THIRDS.default, name="another")},
    {"config": replace(SAMPLED, threshold=0.3)},
    {"config": replace(SAMPLED, stop_early=True)},
    {"config": replace(SAMPLED, decoding=replace(SAMPLE_3, seed=1))},
    {"data": {"file": "another"}},
    {"cases": CASES[:4]},
]


@pytest.mark.usefixtures("one_case_at_once")
@pytest.mark.parametrize("change", OTHER_RUNS)
def test_what_another_run_left_is_refused_and_left_alone(tmp_path: Path, change: dict[str, Any]) -> None:
    path, partial = tmp_path / "p.jsonl", tmp_path / "p.jsonl.partial"
    with pytest.raises(KeyboardInterrupt):
        predict_cafe(path, model=Killed("cafe-3"))
    left = partial.read_bytes()
    with pytest.raises(RunError, match=r"p\.jsonl\.partial: left by a run with other data, model or settings"):
        predict_cafe(path, **change)
    assert partial.read_bytes() == left


@pytest.mark.usefixtures("one_case_at_once")
@pytest.mark.parametrize("damage", [b"\x00" * 20, b"{}", b'"', b'{"id": "x"}', b"\xff\xfe"])
def test_what_is_damaged_within_is_refused_by_its_name(tmp_path: Path, damage: bytes) -> None:
    path, partial = tmp_path / "p.jsonl", tmp_path / "p.jsonl.partial"
    with pytest.raises(KeyboardInterrupt):
        predict_cafe(path, model=Killed("cafe-3"))
    header, _, *rest = partial.read_bytes().split(b"\n")
    partial.write_bytes(b"\n".join([header, damage, *rest]))
    with pytest.raises(RunError, match=r"p\.jsonl\.partial: damaged \(.*\); delete it to start anew"):
        predict_cafe(path)


def test_a_finished_file_is_made_anew(tmp_path: Path) -> None:
    path, fresh = tmp_path / "p.jsonl", tmp_path / "fresh.jsonl"
    predict_cafe(path, model=says("Triggers: 1"))
    predict_cafe(path)
    predict_cafe(fresh)
    assert path.read_bytes() == fresh.read_bytes()

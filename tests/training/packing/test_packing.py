"""Stages in the dialogue layout train on prefix trees exactly as on rows, and report when they cannot."""

from __future__ import annotations

import math
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from killed import train_until
from tiny import FAMILIES, make_model, make_tokenizer
from tiny_runs import (
    GREEDY_ONLY,
    Recorder,
    files_of,
    make_data,
    make_flips,
    make_recipe,
    make_table,
    one_stage,
    read_log,
)

from fliptrace.core.errors import InputError, RunError
from fliptrace.core.files import Json, read_json, write_json
from fliptrace.curate.teaching import answer_instructions, chain_instructions
from fliptrace.models.chat_template import ChatFormat
from fliptrace.models.local.loading import quiet
from fliptrace.models.local.scratch import train_tokenizer
from fliptrace.prompts.views import Layout, training_view
from fliptrace.training import local_trainer
from fliptrace.training.base import scratch_spec, with_new_adapter
from fliptrace.training.batching import Batching, Rows, Trees
from fliptrace.training.data import TrainingData
from fliptrace.training.dry_run import dry_run
from fliptrace.training.examples import Tokenized, padded_width, tokenize
from fliptrace.training.instruction_builder import InstructionBuilder
from fliptrace.training.local import StageJob, count_cost, train_stage
from fliptrace.training.packing.halves import Halves, gains_from_halves, split
from fliptrace.training.recipe import Recipe, override, parse_recipe
from fliptrace.training.schedule import Length, plan
from fliptrace.training.speed import measure_speed
from fliptrace.training.stages import train

CHAT = ChatFormat.of(make_tokenizer())
DIALOGUE: Json = {"layout": "dialogue"}


def make_packed(**changes: Any) -> Recipe:
    """A recipe that is packed by default. Its 2,048 tokens per batch hold three or four examples."""
    tuning = {"batch_tokens": 2048} | changes.pop("tuning", {})
    return make_recipe(prompt=DIALOGUE, tuning=tuning, **changes)


def make_apart(**changes: Any) -> Recipe:
    """The same recipe with packing turned off."""
    return make_packed(tuning={"packing": "none"} | changes.pop("tuning", {}), **changes)


def whole_dialogues(num: int = 6) -> TrainingData:
    return replace(make_data(), train=tuple(case for number in range(num) for case in make_flips(number)))


@pytest.fixture(scope="module")
def tokenized() -> Tokenized:
    views = [training_view(case, Layout("dialogue")) for case in whole_dialogues(4).train]
    return tokenize([*answer_instructions(views), *chain_instructions(views)], CHAT, 10_000)


def both_ways(tokenized: Tokenized, batch_tokens: int) -> tuple[Batching, Batching]:
    return Rows(tokenized.examples, batch_tokens, pad_id=0), Trees.of(tokenized, batch_tokens, pad_id=0)


def make_job(batching: Batching, steps: Path, length: Length | None = None, **tuning: object) -> StageJob:
    settings: Json = {"evals_per_epoch": 1, "patience": 9} | tuning
    recipe = make_recipe(stages=one_stage(1), tuning=settings)
    schedule = plan(recipe.stages[0], recipe.tuning, batching, 7, length)
    return StageJob(recipe.stages[0], recipe.tuning, batching, schedule, 7, steps)


def run(model: Any, job: StageJob) -> list[Json]:
    """Train the model and return the logged rows."""
    recorder = Recorder()
    train_stage(model, job, lambda: 0.5, recorder)
    return recorder.rows


@pytest.fixture(scope="module")
def packed_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed") / "run"
    train(make_packed(tuning={"evals_per_epoch": 3}), make_data(), folder, Recorder())
    return folder


def test_three_stages_learn_from_trees(packed_run: Path) -> None:
    losses = {
        name: [row["loss"] for row in read_log(packed_run) if "loss" in row and row["stage"] == name]
        for name in ("chain", "feedback", "self-evaluation")
    }
    assert all(losses.values()) and all(math.isfinite(loss) for rows in losses.values() for loss in rows)
    assert losses["chain"][-1] < 0.9 * losses["chain"][0]
    assert losses["self-evaluation"][-1] < losses["chain"][0]


def test_what_a_stage_counts_is_what_goes_through_the_model(packed_run: Path) -> None:
    checks, cost = (read_json(packed_run / "1-chain" / name) for name in ("preflight.json", "cost.json"))
    assert "not_packed" not in checks
    assert cost["num_trained_tokens"] < cost["num_tokens"]
    apart = cost["num_trained_tokens"] * checks["num_tokens"] / checks["num_trained_tokens"]
    assert cost["num_tokens"] < 0.9 * apart


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_step_on_trees_is_the_step_on_rows(method: str, tokenized: Tokenized, tmp_path: Path) -> None:
    """The batches differ, but one step covers all examples."""
    norms, trained = [], []
    some = Tokenized(tokenized.examples[:8], (), tokenized.beginnings[:8])
    for batching in both_ways(some, 1500):
        num_batches = len(batching.draw(1, seed=7))
        assert num_batches > 1
        job = make_job(batching, tmp_path / str(len(trained)), Length(1, 1), accumulate=num_batches, method=method)
        model = make_model("llama", CHAT.tokenizer)
        if method == "lora":
            model = with_new_adapter(model, job.tuning, seed=0)
        before = {name: weight.clone() for name, weight in trainable(model)}
        [norm] = [row["grad_norm"] for row in run(model, job) if "grad_norm" in row]
        norms.append(norm)
        trained.append({name: weight - before[name] for name, weight in trainable(model)})
    rows, trees = trained
    assert norms[1] == pytest.approx(norms[0], rel=1e-4)
    assert len(rows) > 8 and sum(float(step.norm()) for step in rows.values()) > 0.1
    for name, step in rows.items():
        # A step is a hundredth of its weight. Adam amplifies gradients near zero, and with them their rounding.
        assert float((trees[name] - step).norm()) <= 2e-3 * float(step.norm()), name


def trainable(model: Any) -> list[tuple[str, Any]]:
    return [(name, weight.detach()) for name, weight in model.named_parameters() if weight.requires_grad]


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_step_in_halves_is_the_step_on_one_tree(method: str, tokenized: Tokenized, tmp_path: Path) -> None:
    trained = []
    for in_halves in (False, True):
        trees = Trees.of(tokenized, 100_000, pad_id=0, in_halves=in_halves)
        [batch] = trees.draw(1, seed=7)
        rows = split(trees.collate(batch))
        assert len(rows) == 1 + in_halves
        assert sum(row["input_ids"].shape[1] for row in rows) < 1.5 * trees.count_tokens(batch)
        job = make_job(trees, tmp_path / f"{in_halves}", Length(1, 1), method=method)
        model = make_model("llama", CHAT.tokenizer)
        if method == "lora":
            model = with_new_adapter(model, job.tuning, seed=0)
        before = {name: weight.clone() for name, weight in trainable(model)}
        num_threads = torch.get_num_threads()
        [norm] = [row["grad_norm"] for row in run(model, job) if "grad_norm" in row]
        assert torch.get_num_threads() == num_threads
        trained.append((norm, {name: weight - before[name] for name, weight in trainable(model)}))
    (norm, whole), (norm_of_halves, halves) = trained
    assert norm_of_halves == pytest.approx(norm, rel=1e-4)
    for name, step in whole.items():
        assert float((halves[name] - step).norm()) <= 1e-3 * float(step.norm()), name


def test_an_error_in_either_half_is_raised_when_both_have_ended() -> None:
    ended: list[str] = []

    def half(name: str, fails: bool) -> torch.Tensor:
        ended.append(name)
        if fails:
            raise ValueError(name)
        return torch.ones(())

    for failing in ("first", "second"):
        ended.clear()
        with pytest.raises(ValueError, match=failing):
            Halves().run(partial(half, "first", failing == "first"), partial(half, "second", failing == "second"))
        assert sorted(ended) == ["first", "second"]


def test_only_a_large_model_on_several_cores_is_trained_in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model("llama", CHAT.tokenizer)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert not gains_from_halves(model, accumulate=1)
    monkeypatch.setattr("fliptrace.training.packing.halves.LEAST_WEIGHTS", 1_000)
    assert gains_from_halves(model, accumulate=1) and not gains_from_halves(model, accumulate=2)


def test_a_stage_takes_the_steps_it_is_given_of_trees_too(tokenized: Tokenized, tmp_path: Path) -> None:
    """Even though epochs may differ in their number of batches."""
    trees = Trees.of(tokenized, 1500, pad_id=0)
    for num_steps in range(1, 40):
        schedule = make_job(trees, tmp_path, Length(num_steps, 1), accumulate=2).schedule
        assert (len(schedule.batches), schedule.num_steps) == (2 * num_steps, num_steps)


class Uneven(Rows):
    """Batches whose second epoch has one batch less than the first."""

    def draw(self, epochs: float, seed: int) -> list[list[int]]:
        return [[0]] * round(3 * epochs - (epochs > 1))


def test_an_epoch_of_fewer_batches_leaves_no_step_out(tokenized: Tokenized, tmp_path: Path) -> None:
    uneven = Uneven(tokenized.examples, 1500, pad_id=0)
    assert len(make_job(uneven, tmp_path, Length(6, 1)).schedule.batches) == 6


def test_a_tree_is_counted_as_it_is_laid_out(tokenized: Tokenized, tmp_path: Path) -> None:
    rows, trees = both_ways(tokenized, 4096)
    for batch in trees.draw(1, seed=0):
        assert trees.collate(batch)["input_ids"].shape == (1, padded_width(trees.count_tokens(batch)))
        assert sum(len(trees.examples[place]) for place in batch) <= 4096
    costs = [count_cost(make_model("llama", CHAT.tokenizer), make_job(way, tmp_path)) for way in (rows, trees)]
    assert costs[0].num_trained_tokens == costs[1].num_trained_tokens
    assert costs[1].num_tokens < 0.7 * costs[0].num_tokens


def test_the_longest_dialogue_of_several_examples_tells_most(tokenized: Tokenized) -> None:
    trees = Trees.of(tokenized, 100_000, pad_id=0)
    several = [bundle for bundle in trees.bundles if len(bundle.members) > 1]
    longest = max(len(trees.examples[place]) for bundle in several for place in bundle.members)
    assert len(trees.probe_examples) > 1
    assert max(map(len, trees.probe_examples)) == longest


def test_a_killed_run_on_trees_ends_as_an_undisturbed_one(packed_run: Path, tmp_path: Path) -> None:
    recipe = make_packed(tuning={"evals_per_epoch": 3})
    assert train_until("half a step written", recipe, tmp_path) == -signal.SIGKILL
    assert [path.parent.name for path in tmp_path.glob("*/preflight.json")] == ["1-chain"]
    train(recipe, make_data(), tmp_path, Recorder())
    assert files_of(tmp_path) == files_of(packed_run)


def test_a_stage_goes_on_as_it_began_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = make_packed(tuning={"evals_per_epoch": 3})
    assert train_until("half a step written", recipe, tmp_path) == -signal.SIGKILL
    preflight = tmp_path / "1-chain" / "preflight.json"
    began = read_json(preflight)
    assert began["packed"]
    monkeypatch.setattr(local_trainer, "why_not_packed", lambda *_: "no trees today")
    with pytest.raises(
        RunError, match="stage chain: began on prefix trees, which cannot be trained here: no trees today"
    ):
        train(recipe, make_data(), tmp_path, Recorder())
    write_json(preflight, {key: value for key, value in began.items() if key != "packed"})  # as an older version did
    recorder = Recorder()
    train(recipe, make_data(), tmp_path, recorder, only=["chain"])
    assert recorder.preflights[0].not_packed == "the stage began on rows"


@pytest.fixture(scope="module")
def dropping(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base with dropout, which rules out training on trees."""
    folder = tmp_path_factory.mktemp("base")
    spec = scratch_spec(make_recipe().base.scratch)  # type: ignore[arg-type]
    words = train_tokenizer(InstructionBuilder(make_packed()).texts(make_data().train), spec)
    model_class, config_class, sizes = FAMILIES["llama"]
    sizes = sizes | {"max_position_embeddings": 1024, "attention_dropout": 0.1}
    with quiet():
        model_class(config_class(vocab_size=len(words), **sizes)).save_pretrained(folder)
        words.save_pretrained(folder)
    return folder


def test_a_model_that_cannot_read_trees_is_trained_on_rows_and_says_so(dropping: Path, tmp_path: Path) -> None:
    small: Json = {"stages": one_stage(0.5), "evaluations": GREEDY_ONLY}
    recipes = make_packed(**small), make_apart(**small)
    packed, plain = (override(recipe, base=str(dropping), seed=None, device=None) for recipe in recipes)
    recorder, few = Recorder(), make_data(8, 2)
    for recipe, name in ((packed, "packed"), (plain, "plain")):
        train(recipe, few, tmp_path / name, recorder)
    reasons = [checks.not_packed for checks in recorder.preflights]
    assert reasons[1] is None and reasons[0] is not None and "attention_dropout is above 0" in reasons[0]
    assert read_json(tmp_path / "packed" / "1-chain" / "preflight.json")["not_packed"] == reasons[0]
    weights = [files_of(tmp_path / name)["1-chain/checkpoint/model.safetensors"] for name in ("packed", "plain")]
    assert weights[0] == weights[1]
    assert dry_run(packed, few).not_packed == reasons[0]
    costs = [dry_run(recipe, few).stages for recipe in (packed, plain)]
    assert costs[0] == costs[1]


def test_a_dry_run_counts_trees() -> None:
    data = whole_dialogues()
    packed, plain = dry_run(make_packed(), data), dry_run(make_apart(), data)
    assert packed.not_packed is plain.not_packed is None
    for trees, apart in zip(packed.stages, plain.stages, strict=True):
        assert trees.num_trained_tokens == apart.num_trained_tokens
        assert trees.num_tokens < 0.8 * apart.num_tokens
        assert trees.num_steps == pytest.approx(apart.num_steps, rel=0.25)  # rough, because there are so few steps
    assert packed.memory.activations < 0.8 * plain.memory.activations
    assert packed.step.loss == pytest.approx(plain.step.loss, rel=1e-5)


def test_a_dry_run_plans_the_batches_of_the_run(packed_run: Path) -> None:
    of_run = read_json(packed_run / "1-chain" / "cost.json")
    planned = dry_run(make_packed(tuning={"evals_per_epoch": 3}), make_data()).stages[0]
    assert planned.num_steps == of_run["num_steps"]


def test_the_speed_of_trees_is_measured_on_trees() -> None:
    speed = measure_speed(make_packed(), whole_dialogues(), stages=["chain"], evaluations=[])
    assert speed is not None and 0 < speed.stages["chain"] < 600


def test_a_recipe_that_does_not_speak_of_packing_has_the_hash_it_had() -> None:
    assert "packing" not in make_packed().to_json()["tuning"]
    assert make_apart().to_json()["tuning"]["packing"] == "none"
    assert make_packed().digest != make_apart().digest


@pytest.mark.parametrize(
    "changes, packs",
    [
        ({"prompt": DIALOGUE}, True),
        ({"prompt": {"layout": "window"}}, False),
        ({"prompt": DIALOGUE, "curate": {"soft_triggers": 0.2}}, False),
        ({"prompt": DIALOGUE, "tuning": {"method": "lora"}}, True),
        ({"prompt": DIALOGUE, "tuning": {"method": "lora", "lora_dropout": 0.1}}, False),
        ({"prompt": DIALOGUE, "tuning": {"packing": "none"}}, False),
        ({"prompt": DIALOGUE, "tuning": {"packing": "prefix-tree"}}, True),
    ],
)
def test_what_shares_is_packed_unless_told_otherwise(changes: Json, packs: bool) -> None:
    assert make_recipe(**changes).packs == packs


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"prompt": {"layout": "window"}}, "window prompts share nothing; expected prompt.layout = 'shared'"),
        ({"curate": {"soft_triggers": 0.2}}, "tuning.packing = 'prefix-tree' .* soft targets give several"),
        ({"tuning": {"packing": "prefix-tree", "method": "lora", "lora_dropout": 0.1}}, "lora_dropout = 0"),
        ({"tuning": {"packing": "trie"}}, "tuning.packing: Input should be 'none' or 'prefix-tree'"),
    ],
)
def test_what_goes_with_no_tree_is_refused(changes: Json, message: str) -> None:
    table = make_table(**({"prompt": DIALOGUE, "tuning": {"packing": "prefix-tree"}} | changes))
    with pytest.raises(InputError, match=message):
        parse_recipe(table, "x.toml")

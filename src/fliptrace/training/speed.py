"""Measure how fast a recipe is on this machine, by timing its steps and evaluations on an untrained full-size model.

Unlike this, a dry run (dry_run.py) only counts, and makes its one step on a shrunken model.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from torch import nn
from transformers import AutoModelForCausalLM

from fliptrace.core.flips import FlipCase
from fliptrace.curate.curator import Curator
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.seams import choose_decoder
from fliptrace.inference.triggers import CASES_AT_ONCE, name_triggers
from fliptrace.models.local.loading import load_local, quiet
from fliptrace.models.local.model import LocalModel
from fliptrace.prompts.views import training_view
from fliptrace.training.base import Parent, load_parent
from fliptrace.training.compute import attend_to_batches, pick_device, uses_bf16
from fliptrace.training.data import TrainingData
from fliptrace.training.dry_run import PlannedRun, PlannedStage, plan_run
from fliptrace.training.losses import completion_loss
from fliptrace.training.recipe import Recipe
from fliptrace.training.recipe_tables import Tuning

# Plan with this many cases and scale the steps up. For 4,000 MELD-FR cases all stages' steps are within 10%.
_NUM_PLANNED = 500
# Models with more parameters are not measured, because a single step would take too long.
_MOST_PARAMETERS = {"cpu": 300_000_000}
_MOST_PARAMETERS_ELSEWHERE = 1_000_000_000
_ENOUGH_SECONDS = 0.5  # long enough to stand out from the noise of a busy machine


@dataclass(frozen=True, slots=True)
class Speed:
    """Measured durations, with torch's present number of threads.

    `stages`: seconds to train each stage, evaluations on val included, but without collecting the stage's own answers
    or building its instructions. `cases`: seconds per case for each evaluation.
    """

    stages: Mapping[str, float]
    cases: Mapping[str, float]


def measure_speed(
    recipe: Recipe, data: TrainingData, *, stages: Iterable[str], evaluations: Iterable[str]
) -> Speed | None:
    """Time the named stages and evaluations. Returns None if the model is too large to measure on this device.

    Raises InputError if the base cannot be loaded.
    """
    sample = _some_groups(data.train)
    planned = plan_run(recipe, replace(data, train=sample))
    device = pick_device(recipe.local_tuning.device)
    num_parameters = sum(weight.numel() for weight in planned.blank_model().parameters())
    if num_parameters > _MOST_PARAMETERS.get(device, _MOST_PARAMETERS_ELSEWHERE):
        return None
    with TemporaryDirectory() as folder:
        _save_untrained(planned, Path(folder) / "base")
        first = next(iter(recipe.evaluations))
        model = load_local(str(Path(folder) / "base"), device=device)
        cases = {
            name: _seconds_per_case(model, data.val, recipe.inference_config(name)) for name in {first, *evaluations}
        }
        trainee = load_parent(recipe.local_tuning, str(Path(folder) / "base"), Path(folder) / "merged", recipe.seed)
        wanted = [stage for stage in planned.stages if stage.estimate.name in set(stages)]
        steps = {stage.estimate.name: _seconds_per_step(trainee, recipe.local_tuning, stage) for stage in wanted}
    scale = len(data.train) / len(sample)
    evaluation = len(data.val) * cases[first]
    trained = {
        stage.estimate.name: stage.schedule.num_steps * scale * steps[stage.estimate.name]
        + stage.schedule.num_evals * evaluation
        for stage in wanted
    }
    return Speed(trained, cases)


def _some_groups(cases: Sequence[FlipCase]) -> tuple[FlipCase, ...]:
    """Sample whole groups, because stages split by group, until there are enough cases."""
    groups = sorted({case.group for case in cases})
    random.Random(0).shuffle(groups)
    by_group: dict[str, list[FlipCase]] = {group: [] for group in groups}
    for case in cases:
        by_group[case.group].append(case)
    some: list[FlipCase] = []
    for group in groups:
        if len(some) < _NUM_PLANNED:
            some += by_group[group]
    return tuple(some)


def _save_untrained(planned: PlannedRun, folder: Path) -> None:
    """Save an untrained model, so that the usual loading code can load it."""
    with quiet():
        AutoModelForCausalLM.from_config(planned.config).save_pretrained(folder)
        planned.tokenizer.save_pretrained(folder)


def _seconds_per_step(parent: Parent, tuning: Tuning, stage: PlannedStage) -> float:
    """Seconds per optimizer step on a batch of median size. If that takes long, part of the batch is extrapolated."""
    device = pick_device(tuning.device)
    parent.model.to(device).train()
    attend_to_batches(parent.model, stage.batching)
    weights = [weight for weight in parent.model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=0.0)  # so that every stage is measured on the same weights
    count_tokens = stage.batching.count_tokens
    batches = sorted(stage.schedule.batches, key=count_tokens)
    batch = batches[len(batches) // 2]

    def step(num: int) -> None:
        inputs = stage.batching.collate(batch[:num])
        _step(parent.model, inputs, optimizer, in_bf16=uses_bf16(tuning))

    tried = _try(step, len(batch))
    return tried.seconds * count_tokens(batch) / count_tokens(batch[: tried.num]) * tuning.accumulate


def _step(model: Any, inputs: Mapping[str, torch.Tensor], optimizer: torch.optim.Optimizer, *, in_bf16: bool) -> None:
    batch = {name: tensor.to(model.device) for name, tensor in inputs.items()}
    with torch.autocast(model.device.type, torch.bfloat16, enabled=in_bf16):
        loss = completion_loss(model, batch)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], 1.0).item()  # .item() waits for the device
    optimizer.step()
    optimizer.zero_grad()


def _seconds_per_case(model: LocalModel, val: Sequence[FlipCase], config: InferenceConfig) -> float:
    cases = random.Random(0).sample(val, min(CASES_AT_ONCE, len(val)))
    usual = config if config.judge else _until_usual_end(model, cases[:32], config)
    decoder = choose_decoder(model.as_model(), usual)
    tried = _try(lambda num: list(name_triggers(decoder, cases[:num])), len(cases))
    return tried.seconds / tried.num


def _until_usual_end(model: LocalModel, cases: Sequence[FlipCase], config: InferenceConfig) -> InferenceConfig:
    """Limit replies to the mean length of training replies, as an untrained model never ends its reply."""
    taught = Curator(num_wordings=1).make(config.ask, [training_view(case, config.layout) for case in cases])
    length = round(mean(len(model.chat_format.encode_completion(each.completion)) for each in taught))
    decoding = replace(config.decoding, max_new_tokens=min(length, config.decoding.max_new_tokens))
    return replace(config, decoding=decoding)


class _Tried(NamedTuple):
    num: int
    seconds: float


def _try(work: Callable[[int], object], num: int) -> _Tried:
    """Time `work` on up to `num` items at once: double the number until the time suffices."""
    work(1)  # warm-up, not timed: loading and compiling
    num_tried = 1
    while (seconds := _time(work, num_tried)) < _ENOUGH_SECONDS and num_tried < num:
        num_tried = min(2 * num_tried, num)
    return _Tried(num_tried, seconds)


def _time(work: Callable[[int], object], num: int) -> float:
    began = time.monotonic()
    work(num)
    return time.monotonic() - began

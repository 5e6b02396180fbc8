"""Estimate what a recipe costs before a run: tokens, steps, memory, and one real step on a shrunken model."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from peft import PeftModel
from torch import nn
from transformers import AutoModelForCausalLM

from fliptrace.core.files import Json
from fliptrace.models.chat_template import ChatFormat
from fliptrace.models.local.architecture import context_length
from fliptrace.models.local.devices import choose_device
from fliptrace.models.local.loading import blank_model, check_base, load_config, load_tokenizer
from fliptrace.models.local.scratch import llama_config, train_tokenizer
from fliptrace.training.base import adapted_layers, frozen_dtype, is_mxfp4, quantizes, scratch_spec, with_new_adapter
from fliptrace.training.batching import Batching, Rows, Trees
from fliptrace.training.compute import attend_to_batches
from fliptrace.training.data import TrainingData, treat_out_of_zone
from fliptrace.training.examples import preflight, tokenize
from fliptrace.training.instruction_builder import InstructionBuilder
from fliptrace.training.losses import completion_loss
from fliptrace.training.own_answers import placeholder_answers
from fliptrace.training.packing.support import supports
from fliptrace.training.recipe import Recipe
from fliptrace.training.recipe_tables import Tuning
from fliptrace.training.schedule import Length, Schedule, plan
from fliptrace.training.stage_splits import stage_cases


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """What one stage will train on; the counts are those of `Preflight`.

    The model's own answers do not exist yet; the answers of rule:previous take their place.
    """

    name: str
    num_rows: int
    num_dropped: int
    num_tokens: int
    num_trained_tokens: int
    num_steps: int
    num_cut_triggers: int
    num_beyond_reach: int


@dataclass(frozen=True, slots=True)
class MemoryCost:
    """Estimated memory in bytes.

    Activations follow Korthikanti et al. (2022): 34 bytes per token, layer and hidden unit.
    """

    num_parameters: int
    num_trainable: int
    weights: int
    gradients_and_optimizer: int
    activations: int

    @property
    def total(self) -> int:
        return self.weights + self.gradients_and_optimizer + self.activations


@dataclass(frozen=True, slots=True)
class TriedStep:
    """A forward pass, a backward pass and an optimizer step on a shrunken random model of the same architecture."""

    architecture: str
    num_parameters: int
    loss: float
    gradient_norm: float


@dataclass(frozen=True, slots=True)
class DryRun:
    """The estimated cost of a run.

    `not_packed` tells why examples would not be packed although the recipe asks for it, as far as is known beforehand.
    """

    stages: tuple[StageEstimate, ...]
    memory: MemoryCost
    step: TriedStep
    not_packed: str | None

    def to_json(self) -> Json:
        return asdict(self) | {"memory": asdict(self.memory) | {"total": self.memory.total}}


class PlannedStage(NamedTuple):
    """The estimate of a stage, and the batches it trains on."""

    estimate: StageEstimate
    batching: Batching
    schedule: Schedule


class PlannedRun(NamedTuple):
    """A run before it begins: the architecture of its base, without weights, and all stages in order.

    `not_packed` tells why its examples are not packed although the recipe asks for it.
    """

    tokenizer: Any
    config: Any
    stages: tuple[PlannedStage, ...]
    not_packed: str | None

    def blank_model(self) -> Any:
        return blank_model(self.config)


def plan_run(recipe: Recipe, data: TrainingData) -> PlannedRun:
    """Plan all stages. Raises InputError if the base cannot be trained here, as `train` does."""
    builder = InstructionBuilder(recipe, emotions=data.emotions)
    if recipe.base.scratch is None:
        check_base(recipe.base.model, to_train=recipe.local_tuning.method)
        tokenizer, config = load_tokenizer(recipe.base.model), load_config(recipe.base.model)
    else:
        spec = scratch_spec(recipe.base.scratch)
        tokenizer = train_tokenizer(builder.texts(data.train), spec)
        config = llama_config(spec, tokenizer)
    choose_device(recipe.local_tuning.device)
    not_packed = supports(blank_model(config)) if recipe.packs else None
    packs = recipe.packs and not_packed is None
    stages = _plan_stages(
        recipe, builder, data, ChatFormat.of(tokenizer), context_length(config, tokenizer), packs=packs
    )
    return PlannedRun(tokenizer, config, tuple(stages), not_packed)


def dry_run(recipe: Recipe, data: TrainingData) -> DryRun:
    """Plan everything that `train` would do, without doing it. Raises InputError if the base cannot be loaded."""
    planned = plan_run(recipe, data)
    memory = _memory(recipe.local_tuning, planned)
    step = _try_step(recipe.local_tuning, planned.config, planned.stages[0].batching)
    return DryRun(tuple(stage.estimate for stage in planned.stages), memory, step, planned.not_packed)


def _plan_stages(
    recipe: Recipe,
    builder: InstructionBuilder,
    data: TrainingData,
    chat: ChatFormat,
    context_length: int,
    *,
    packs: bool,
) -> list[PlannedStage]:
    tuning, pad_id = recipe.local_tuning, chat.tokenizer.pad_token_id or 0
    planned: list[PlannedStage] = []
    for stage, cases in zip(recipe.stages, stage_cases(recipe, data.train), strict=True):
        taught = treat_out_of_zone(cases.taught, stage.out_of_zone or recipe.data.out_of_zone)
        truncated = builder.fit_views(taught, lambda m: len(chat.encode_prompt(m)), context_length)
        views = builder.taught_views(truncated)
        own = [answer for case in cases.answered for answer in placeholder_answers(case, recipe)]
        instructions = builder.instructions(stage, views, own)
        tokenized = tokenize(instructions, chat, context_length)
        checks = preflight(instructions, tokenized, truncated, chat, stage.name)
        length = next((Length(each.num_steps, 1) for each, *_ in planned if each.name == stage.steps_of), None)
        batching: Batching = Rows(tokenized.examples, tuning.batch_tokens, pad_id)
        if packs:
            batching = Trees.of(tokenized, tuning.batch_tokens, pad_id, stage.tree_tokens or tuning.tree_tokens)
        schedule = plan(stage, tuning, batching, recipe.seed, length)
        estimate = StageEstimate(
            stage.name,
            checks.num_rows,
            checks.num_dropped,
            sum(map(batching.count_tokens, batching.draw(1, recipe.seed))),
            checks.num_trained_tokens,
            schedule.num_steps,
            checks.num_cut_triggers,
            checks.num_beyond_reach,
        )
        planned.append(PlannedStage(estimate, batching, schedule))
    return planned


def _memory(tuning: Tuning, planned: PlannedRun) -> MemoryCost:
    """Estimate memory from the architecture and the largest batches."""
    config, model = planned.config, planned.blank_model()
    largest = [_largest_batch(stage) for stage in planned.stages]
    num_parameters = sum(weight.numel() for weight in model.parameters())
    linears = adapted_layers(tuning, model)
    num_adapted = sum(tuning.lora_rank * (m.in_features + m.out_features) for m in linears)
    is_full = tuning.method == "full"
    text = config.get_text_config()
    bytes_per_unit = 4 if tuning.gradient_checkpointing else 34  # checkpointing keeps only a layer's input
    num_tokens = max(batch.num_tokens for batch in largest)
    activations = num_tokens * text.num_hidden_layers * text.hidden_size * bytes_per_unit
    logits = 3 * 4 * text.vocab_size * max(batch.num_trained for batch in largest)  # fp32; logits, softmax, gradient
    return MemoryCost(
        num_parameters=num_parameters,
        num_trainable=num_parameters if is_full else num_adapted,
        weights=round(num_parameters * _bytes_per_weight(tuning, config)) + (0 if is_full else 4 * num_adapted),
        gradients_and_optimizer=12 * (num_parameters if is_full else num_adapted),  # gradient and Adam's two moments
        activations=activations + logits,
    )


class _Tokens(NamedTuple):
    num_tokens: int
    num_trained: int


def _largest_batch(stage: PlannedStage) -> _Tokens:
    """The most tokens of any batch, without padding, and the most trained tokens of any batch."""
    batching, batches = stage.batching, stage.schedule.batches
    trained = [len(example) - example.num_prompt_tokens for example in batching.examples]
    most_trained = max(sum(trained[place] for place in batch) for batch in batches)
    return _Tokens(max(map(batching.count_tokens, batches)), most_trained)


def _bytes_per_weight(tuning: Tuning, config: Any) -> float:
    if tuning.method == "lora" and is_mxfp4(config):
        return 2  # unpacked to bf16
    if quantizes(tuning, config):
        return 0.53  # 4 bits, plus the scales of blocks of 64
    return 2 if frozen_dtype(tuning) == "bf16" and tuning.method == "lora" else 4


def _try_step(tuning: Tuning, config: Any, batching: Batching) -> TriedStep:
    """Try a step on the two shortest examples, so that it takes seconds for any recipe."""
    torch.manual_seed(0)
    model: Any = AutoModelForCausalLM.from_config(shrink(config)).float().train()
    if tuning.method == "lora":
        model = with_new_adapter(model, tuning, seed=0)
    attend_to_batches(model, batching)
    places = sorted(range(len(batching.examples)), key=lambda place: len(batching.examples[place]))
    batch = batching.collate(places[:2])
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=tuning.learning_rate)
    loss = completion_loss(model, batch)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(weights, tuning.max_grad_norm)
    optimizer.step()
    num_parameters = sum(weight.numel() for weight in model.parameters())
    return TriedStep(_architecture(model), num_parameters, loss.item(), norm.item())


def _architecture(model: Any) -> str:
    """The name of a model's class; of an adapter, that of its base."""
    return type(model.get_base_model() if isinstance(model, PeftModel) else model).__name__


def shrink(config: Any) -> Any:
    """The same architecture and vocabulary with two narrow layers, for a step of about a second on a laptop."""
    small = deepcopy(config)
    if hasattr(small, "quantization_config"):
        del small.quantization_config
    text = small.get_text_config()
    sizes = {
        "num_hidden_layers": 2,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "num_kv_heads": 2,  # Falcon's
        "head_dim": 16,
        "rotary_dim": 16,  # GPT-J's share of a head
        "num_local_experts": 4,
        "num_experts_per_tok": 2,
    }
    if getattr(text, "num_key_value_heads", None) == text.num_attention_heads:
        sizes["num_key_value_heads"] = sizes["num_attention_heads"]  # DeepSeek's heads share no keys
    for name, size in sizes.items():
        is_derived = isinstance(getattr(type(text), name, None), property)  # from the other sizes, as Falcon's head_dim
        is_derived |= name == "head_dim" and hasattr(text, "qk_rope_head_dim")  # DeepSeek's is that of RoPE
        if not is_derived and getattr(text, name, None) is not None:
            setattr(text, name, min(size, getattr(text, name)))
    if getattr(text, "layer_types", None):
        text.layer_types = text.layer_types[:2]
    return small

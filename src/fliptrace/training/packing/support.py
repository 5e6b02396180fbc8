"""Find out whether a model can be trained on prefix trees: by its architecture, then by a test on real examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from fliptrace.models.trees.attention import attending_to_trees, why_no_trees
from fliptrace.training.examples import Example, collate
from fliptrace.training.losses import completion_loss
from fliptrace.training.packing.tree_batches import collate_tree

# Relative to the loss, or to 1 nat if the loss is less, because rounding scales with the logits. Measured on an
# untrained Llama of 11M weights at three initial scales: rounding changes the loss by at most 8e-8 in fp32 and 2e-4 in
# bf16, and a mask that hides nothing by 2e-3 (fresh weights) to 4e-2. Trained weights round more coarsely: fp32 changes
# the loss of SmolLM2-135M after three stages by 6e-6, and its gradient by 1.4e-4.
_TOLERANCES = {torch.float64: 1e-5, torch.float32: 1e-4, torch.float16: 1e-3, torch.bfloat16: 5e-3}
# Relative to the gradient's norm. This catches a backward pass that is wrong though the forward pass is right.
_GRADIENT_TOLERANCES = {torch.float64: 1e-4, torch.float32: 1e-3, torch.float16: 5e-2, torch.bfloat16: 2e-1}
_MOST_WIDENED = 1_000_000_000  # weights of 16 bits that are compared in fp32, in 4 GB


def why_not_packed(model: Any, examples: Sequence[Example], pad_id: int) -> str | None:
    """Why a model cannot be trained on prefix trees; None if it can. `examples` are for `self_test`."""
    return supports(model) or self_test(model, examples, pad_id)


def supports(model: Any) -> str | None:
    """Why a Hugging Face model or adapter is known not to train on trees; None if there is no known reason."""
    return why_no_trees(_bare(model)) or next(_objections(model), None)


def self_test(model: Any, examples: Sequence[Example], pad_id: int) -> str | None:
    """Compare loss and gradient of the examples as a tree with those of separate rows.

    Returns None if they agree, else a message about the difference. Use a dialogue of several examples with long
    prompts: only a path longer than a sliding window reveals that window. Not under autocast: rounding hides small
    errors, and a well trained model, whose gradient is small, shows errors where there are none. So weights of 16 bits
    are compared in fp32, unless there are too many.
    """
    was_training = model.training
    model.train()  # gradient checkpointing works only in this mode; dropout has been ruled out
    try:
        with _widened(model):
            return _compare(model, examples, pad_id)
    except torch.OutOfMemoryError:
        raise  # not caused by trees
    except (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        return f"{_name(model)} fails on a prefix tree: {type(error).__name__}: {reason}"
    finally:
        model.zero_grad()
        model.train(was_training)


@contextmanager
def _widened(model: nn.Module) -> Iterator[None]:
    """Turn weights to fp32 for a while, unless some are quantised. They come back as they were, bit by bit."""
    weights = list(model.parameters())
    narrow = [weight for weight in weights if weight.dtype in (torch.float16, torch.bfloat16)]
    is_possible = all(weight.is_floating_point() for weight in weights) and _count(narrow) <= _MOST_WIDENED
    kept = [(weight, weight.data) for weight in narrow] if is_possible else []
    try:
        for weight, data in kept:
            weight.data = data.float()
        yield
    finally:
        model.zero_grad()
        for weight, data in kept:
            weight.data = data


def _count(weights: Sequence[Tensor]) -> int:
    return sum(weight.numel() for weight in weights)


class _Step(NamedTuple):
    loss: float
    gradient: list[Tensor]


def _compare(model: Any, examples: Sequence[Example], pad_id: int) -> str | None:
    num_tokens = sum(len(example) - example.num_prompt_tokens for example in examples)
    apart = _step(model, [collate([example], pad_id) for example in examples], num_tokens)
    with attending_to_trees(model):
        tree = _step(model, [collate_tree(examples, pad_id)], num_tokens)
    if not abs(tree.loss - apart.loss) <= _TOLERANCES[model.dtype] * max(apart.loss, 1.0):  # `not <=`: NaN fails too
        return (
            f"{_name(model)} ignores the masks of a prefix tree: "
            f"its loss is {tree.loss:.6g}; expected {apart.loss:.6g}, as in separate rows"
        )
    length = _norm(apart.gradient)
    difference = _norm([one - other for one, other in zip(tree.gradient, apart.gradient, strict=True)])
    if not difference <= _GRADIENT_TOLERANCES[model.dtype] * length:
        return (
            f"{_name(model)} learns differently from a prefix tree and from separate rows: "
            f"gradients differ by {difference / length:.2g}"
        )
    return None


def _step(model: Any, batches: Sequence[dict[str, Tensor]], num_tokens: int) -> _Step:
    """Compute loss and gradient, summed over the batches."""
    model.zero_grad()
    loss = 0.0
    for batch in batches:
        of_batch = completion_loss(model, {key: tensor.to(model.device) for key, tensor in batch.items()}, num_tokens)
        of_batch.backward()  # type: ignore[no-untyped-call]
        loss += of_batch.item()
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    return _Step(loss, [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in trained])


def _norm(gradient: Sequence[Tensor]) -> float:
    return float(torch.stack([part.norm().float() for part in gradient]).norm())


def _objections(model: Any) -> Iterator[str]:
    if getattr(_bare(model).config.get_text_config(), "output_router_logits", False):
        yield "the experts' auxiliary loss would count shared tokens only once; set output_router_logits = false"
    dropped = _find_dropout(model)
    if dropped:
        yield f"{dropped} is above 0: dropout on shared tokens would be shared too"


def _find_dropout(model: nn.Module) -> str | None:
    """The name of the first dropout above 0, with its module."""
    for name, module in model.named_modules():
        if isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0:
            return f"{name}.p"
        for key, value in vars(module).items():  # dropout as a plain number, such as `attention_dropout`
            if "drop" in key and isinstance(value, float) and value > 0:
                return f"{name}.{key}"
    return None


def _bare(model: Any) -> Any:
    from peft import PeftModel

    return model.get_base_model() if isinstance(model, PeftModel) else model


def _name(model: Any) -> str:
    return str(type(_bare(model)).__name__)

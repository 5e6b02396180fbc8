"""Whether a model can be trained on prefix trees: what is known of its architecture, then a trial on real examples."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from fliptrace.training.batching import Trees
from fliptrace.training.examples import Example, collate
from fliptrace.training.local import completion_loss
from fliptrace.training.tree_attention import SLIDING, TreeAttention, tree_loss
from fliptrace.training.tree_batches import collate_tree

# Of the loss, or of 1 nat where it is less, as rounding is of the logits. Tried on an untrained Llama of 11M weights of
# three spreads: rounding moves it by at most 8e-8 in fp32 and 2e-4 in bf16, a mask that hides nothing by 2e-3 (fresh
# weights) to 4e-2. Trained weights round more coarsely.
_TOLERANCES = {torch.float64: 1e-5, torch.float32: 1e-5, torch.float16: 1e-3, torch.bfloat16: 5e-3}


def why_not_packed(model: Any, trees: Trees) -> str | None:
    """Why a model cannot be trained on these trees; None where it can."""
    return supports(model) or self_test(model, trees.telling, trees.pad_id)


def supports(model: Any) -> str | None:
    """Why a Hugging Face model, or an adapter over one, cannot be trained on trees; None where nothing is known."""
    return next(_objections(model), None)


def self_test(model: Any, examples: Sequence[Example], pad_id: int) -> str | None:
    """The loss of these examples as a tree against that of each apart; None where it is the same, else what is not.

    Take a dialogue of several examples with long prompts: only a path longer than a sliding window tells of it. Give
    fp32 weights outside of autocast where there is a choice, since rounding hides small faults.
    """
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            return _compare(model, examples, pad_id)
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        return f"{_name(model)} fails on a prefix tree: {type(error).__name__}: {reason}"
    finally:
        model.train(was_training)


def _compare(model: Any, examples: Sequence[Example], pad_id: int) -> str | None:
    num_tokens = sum(len(example) - example.num_prompt_tokens for example in examples)
    apart = sum(completion_loss(model, _to(model, collate([e], pad_id)), num_tokens).item() for e in examples)
    tree = tree_loss(model, TreeAttention.of(model), _to(model, collate_tree(examples, pad_id)), num_tokens).item()
    if abs(tree - apart) <= _TOLERANCES[model.dtype] * max(apart, 1.0):
        return None
    return f"{_name(model)} does not heed the masks of a prefix tree: its loss is {tree:.6g}, apart {apart:.6g}"


def _objections(model: Any) -> Iterator[str]:
    bare = _bare(model)
    config = bare.config.get_text_config()
    takes = inspect.signature(bare.forward).parameters
    if config._attn_implementation not in ("eager", "sdpa"):
        yield f"attention {config._attn_implementation!r} takes no mask of ours; wanted 'sdpa' or 'eager'"
    if getattr(config, "alibi", False):
        yield "ALiBi: attention goes by columns, which are no positions in a tree"
    missing = [name for name in ("attention_mask", "position_ids", "logits_to_keep") if name not in takes]
    if missing:
        yield f"{_name(model)} takes no {missing[0]}"
    kinds = getattr(config, "layer_types", None) or ()
    unknown = [kind for kind in kinds if kind not in ("full_attention", SLIDING)]
    if unknown:
        yield f"layers of kind {unknown[0]!r}: only attention can be told what to see"
    if bare._is_stateful:
        yield f"{_name(model)} carries a state from column to column, past the end of a branch"
    if getattr(config, "output_router_logits", False):
        yield "the experts' auxiliary loss counts shared tokens once; set output_router_logits = false"
    dropped = _find_dropout(model)
    if dropped:
        yield f"{dropped} is above 0: examples would share the noise of what they share"


def _find_dropout(model: nn.Module) -> str | None:
    """The first dropout above 0, by the name of its module."""
    for name, module in model.named_modules():
        if isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0:
            return f"{name}.p"
        for key, value in vars(module).items():  # those that a forward hands to a function: `attention_dropout`
            if "drop" in key and isinstance(value, float) and value > 0:
                return f"{name}.{key}"
    return None


def _bare(model: Any) -> Any:
    from peft import PeftModel

    return model.get_base_model() if isinstance(model, PeftModel) else model


def _name(model: Any) -> str:
    return str(type(_bare(model)).__name__)


def _to(model: Any, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.to(model.device) for name, tensor in inputs.items()}

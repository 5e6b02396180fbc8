"""The neural baseline: a sequence classifier that decides for each of the last utterances whether it is a trigger.

It is any Hugging Face encoder, or a small one trained from scratch (scratch.py), on the rows of rows.py. It trains with
Hugging Face Trainer, but not as a stage (training/local.py): training takes minutes, and does not resume when killed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import AutoModelForSequenceClassification, DataCollatorWithPadding

from fliptrace.core.errors import InputError
from fliptrace.core.files import new_folder, read_object, write_json
from fliptrace.core.flips import FlipCase
from fliptrace.models.local.devices import computes_bf16
from fliptrace.models.local.loading import NO_CODE, load_tokenizer, quiet, resolve
from fliptrace.training.batch_trainer import BatchTrainer, StepReport, training_arguments
from fliptrace.training.compute import pick_device
from fliptrace.training.encoder.rows import Row, make_rows
from fliptrace.training.encoder.scratch import build_scratch_encoder
from fliptrace.training.examples import WIDTH_STEP, make_batches
from fliptrace.training.losses import require_finite

SETTINGS = "encoder.json"  # next to the weights: the spec and the training cost
SCRATCH = "scratch"


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """What to train and how. `base` is "scratch", a local folder or a Hub id.

    `max_tokens` limits a pair of texts, `max_words` an utterance; `batch_tokens` is the number of tokens per step,
    padding included. The defaults suit "scratch"; a pretrained base needs a learning rate of about 3e-5 and about three
    epochs.
    """

    base: str = SCRATCH
    window: int = 6
    max_words: int = 20
    max_tokens: int = 128
    epochs: float = 1.0  # cases share utterances, so a second epoch memorised train and did not help on val
    learning_rate: float = 5e-4
    warmup_share: float = 0.1
    weight_decay: float = 0.01
    batch_tokens: int = 4096
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class EncoderCost:
    """The cost of fitting. `num_tokens` went through the model, without padding."""

    num_parameters: int
    num_steps: int
    num_tokens: int


@dataclass(frozen=True, slots=True, eq=False)
class Encoder:
    """A fitted classifier, in eval mode."""

    spec: EncoderSpec
    cost: EncoderCost
    _model: Any = field(repr=False)
    _tokenizer: Any = field(repr=False)

    def supports(self, cases: Sequence[FlipCase]) -> tuple[tuple[float, ...], ...]:
        """Per case, the probability that each utterance is a trigger; 0 outside the window and after the target."""
        supports = [[0.0] * len(case.dialogue) for case in cases]
        rows = make_rows(cases, self.spec.window, self.spec.max_words)
        for row, share in zip(rows, self._predict(rows) if rows else (), strict=True):
            supports[row.case_index][row.utterance_index] = share
        return tuple(map(tuple, supports))

    def _predict(self, rows: Sequence[Row]) -> list[float]:
        features = _tokenize(rows, self._tokenizer, self.spec.max_tokens)
        collate = _collator(self._tokenizer)
        shares = [0.0] * len(rows)
        for batch in _batches(features, self.spec.batch_tokens):
            inputs = collate([features[i] for i in batch]).to(self._model.device)
            with torch.inference_mode():
                likely = self._model(**inputs).logits.float().softmax(dim=1)[:, 1]  # (batch,)
            for i, share in zip(batch, likely.tolist(), strict=True):
                shares[i] = share
        return shares


def fit_encoder(
    cases: Sequence[FlipCase],
    spec: EncoderSpec,
    folder: Path,
    seed: int,
    on_step: Callable[[int, int], None] = lambda step, num_steps: None,
) -> Encoder:
    """Train a classifier on which of the last utterances of each case are known triggers, and save it to `folder`.

    The same arguments give the same weights on the same device. Utterances before a case's `known_from` are shown, but
    are no training rows. The folder appears complete or not at all; an existing one is replaced.
    """
    known = [row for row in make_rows(cases, spec.window, spec.max_words) if _is_known(row, cases)]
    labels = [row.utterance_index in cases[row.case_index].known_triggers for row in known]
    if all(labels) or not any(labels):
        raise InputError("encoder", f"{sum(labels)} triggers among {len(labels)} utterances; expected both kinds")
    tokenizer, model = _load_base(spec, known, seed)
    features = [
        feature | {"labels": int(is_trigger)}
        for feature, is_trigger in zip(_tokenize(known, tokenizer, spec.max_tokens), labels, strict=True)
    ]
    with new_folder(folder) as neighbour, quiet():
        cost = _train(tokenizer, model, features, spec, seed, neighbour, on_step)
        model.save_pretrained(neighbour)
        tokenizer.save_pretrained(neighbour)
        write_json(neighbour / SETTINGS, {"spec": asdict(spec), "cost": asdict(cost)})
    return Encoder(spec, cost, model.eval(), tokenizer)


def load_encoder(folder: Path) -> Encoder:
    """Load what `fit_encoder` saved."""
    saved = read_object(folder / SETTINGS)
    spec = EncoderSpec(**saved["spec"])
    model = _load_classifier(str(folder), pick_device(spec.device))
    return Encoder(spec, EncoderCost(**saved["cost"]), model.eval(), load_tokenizer(str(folder)))


def _is_known(row: Row, cases: Sequence[FlipCase]) -> bool:
    return row.utterance_index >= cases[row.case_index].known_from


class _Base(NamedTuple):
    tokenizer: Any
    model: Any


def _load_base(spec: EncoderSpec, rows: Sequence[Row], seed: int) -> _Base:
    """Load the weights to start from. Weights that the base lacks are drawn from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if spec.base == SCRATCH:
            return _Base(*build_scratch_encoder(chain.from_iterable((r.candidate, r.target) for r in rows)))
        tokenizer = load_tokenizer(spec.base)
        if tokenizer.pad_token_id is None:
            raise InputError(spec.base, "its tokenizer has no padding token; expected an encoder, such as a BERT")
        return _Base(tokenizer, _load_classifier(resolve(spec.base), pick_device(spec.device)))


def _load_classifier(ref: str, device: str) -> Any:
    """Load a classifier with two classes, in fp32, on the device."""
    # On a CPU and short rows, eager attention is faster than the fused kernel, by a quarter or more.
    options = {"attn_implementation": "eager"} if device == "cpu" else {}
    try:
        with quiet():
            model = AutoModelForSequenceClassification.from_pretrained(
                ref,
                num_labels=2,
                ignore_mismatched_sizes=True,
                dtype=torch.float32,
                use_safetensors=True,
                **NO_CODE,
                **options,
            )
    except (OSError, ValueError) as error:
        raise InputError(ref, f"cannot be loaded as a sequence classifier: {error}") from error
    return model.to(device)


def _tokenize(rows: Sequence[Row], tokenizer: Any, max_tokens: int) -> list[dict[str, Any]]:
    """Tokenize each pair: input ids, and the other inputs of the model."""
    pairs = tokenizer([r.candidate for r in rows], [r.target for r in rows], truncation=True, max_length=max_tokens)
    return [{name: values[i] for name, values in pairs.items()} for i in range(len(rows))]


def _collator(tokenizer: Any) -> Any:
    return DataCollatorWithPadding(tokenizer, pad_to_multiple_of=WIDTH_STEP)


def _batches(
    features: Sequence[dict[str, Any]], batch_tokens: int, epochs: float = 1, seed: int = 0
) -> list[list[int]]:
    return make_batches([len(feature["input_ids"]) for feature in features], batch_tokens, epochs, seed)


def _train(
    tokenizer: Any,
    model: Any,
    features: Sequence[dict[str, Any]],
    spec: EncoderSpec,
    seed: int,
    folder: Path,
    on_step: Callable[[int, int], None],
) -> EncoderCost:
    batches = _batches(features, spec.batch_tokens, spec.epochs, seed)
    trainer = _EncoderTrainer(
        batches,
        model=model,
        args=_arguments(spec, len(batches), seed, folder),
        train_dataset=features,
        data_collator=_collator(tokenizer),
        callbacks=[StepReport(on_step)],
    )
    trainer.train()
    num_tokens = sum(len(features[i]["input_ids"]) for batch in batches for i in batch)
    return EncoderCost(sum(weight.numel() for weight in model.parameters()), len(batches), num_tokens)


class _EncoderTrainer(BatchTrainer):
    def compute_loss(self, model: Any, inputs: dict[str, torch.Tensor], **_: Any) -> torch.Tensor:
        # TrainingArguments.bf16 would wrap the model's forward permanently; inference runs in fp32.
        device = self.args.device.type
        with torch.autocast(device, torch.bfloat16, enabled=computes_bf16(device)):
            loss: torch.Tensor = model(**inputs).loss
        require_finite(loss, "encoder", self.state.global_step + 1, self.state.max_steps)
        return loss


def _arguments(spec: EncoderSpec, num_steps: int, seed: int, folder: Path) -> Any:
    return training_arguments(
        folder,
        num_steps,
        warmup_share=spec.warmup_share,
        device=pick_device(spec.device),
        learning_rate=spec.learning_rate,
        lr_scheduler_type="linear",
        weight_decay=spec.weight_decay,
        seed=seed,
        logging_strategy="no",
        save_strategy="no",
    )

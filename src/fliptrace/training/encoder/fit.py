"""Trains an encoder model: first the layers over utterances on the base's vectors, which are made once, then all of it.

The base's vectors are as good as those of a base tuned from the start with untrained layers above it, and the layers
above cost almost nothing to train. So tuning begins where it no longer has to spoil the base to lower the loss.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from fliptrace.models.local.devices import computes_bf16
from fliptrace.models.local.loading import quiet
from fliptrace.training.batch_trainer import BatchTrainer, StepReport, training_arguments
from fliptrace.training.compute import pick_device
from fliptrace.training.encoder.batches import collate, draw_batches
from fliptrace.training.encoder.network import DialogueEnsemble, TriggerEnsemble, UtteranceEncoder, log_mean
from fliptrace.training.encoder.recipe import Fitting, Layers
from fliptrace.training.encoder.units import UNKNOWN, Unit
from fliptrace.training.step_folders import newest_step

OnPart = Callable[[str, int, int], None]
_ENCODE_TEXTS = 64  # at once


class Texts(NamedTuple):
    """Every text of the training data: its number, and its token ids by number."""

    numbers: dict[str, int]
    ids: list[list[int]]


class Trainee(nn.Module):
    """The parts of an encoder model under training, and its loss.

    While `vectors`, those of all texts by number, are given, the utterance encoder is left as it is.
    """

    def __init__(self, utterances: UtteranceEncoder, sizes: Layers, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.dialogue = DialogueEnsemble(utterances.width, sizes)
            self.triggers = TriggerEnsemble(sizes)
        self.utterances = utterances
        self.vectors: Tensor | None = None

    def layer_weights(self) -> list[nn.Parameter]:
        """All weights but those of the base."""
        return [*self.dialogue.parameters(), *self.triggers.parameters()]

    def forward(self, **batch: Tensor) -> Tensor:
        """The loss of a batch of `collate`: mean cross entropy of emotions, plus that of candidates; of all members."""
        given = self.vectors
        vectors = (
            encode_by_length(self.utterances, batch["ids"], batch["mask"]) if given is None else given[batch["texts"]]
        )
        logits, states = zip(*self.dialogue.each(vectors[batch["says"]], batch["speakers"]), strict=True)
        predicted = log_mean([each.detach().log_softmax(-1) for each in logits]).exp()
        of_emotions = torch.stack([_emotion_loss(each, batch) for each in logits]).mean()
        return of_emotions + self._trigger_loss(predicted, states, batch)

    def _trigger_loss(self, predicted: Tensor, states: Sequence[Tensor], batch: dict[str, Tensor]) -> Tensor:
        """Half of the dialogues show the triggers' layers the known emotions, the others those that are predicted."""
        known = batch["labels"]
        is_shown = (known != UNKNOWN) & (torch.rand(len(known), 1, device=known.device) < 0.5)
        gold = functional.one_hot(known.clamp_min(0), predicted.shape[-1]).to(predicted.dtype)
        emotions = torch.where(is_shown[..., None], gold, predicted)
        inputs = {name.removeprefix("trigger_"): rows for name, rows in batch.items() if name.startswith("trigger_")}
        if not len(inputs["places"]):
            return predicted.new_zeros(())
        scores = self.triggers.each(torch.cat(list(states), -1).flatten(0, 1), emotions.flatten(0, 1), **inputs)
        return torch.stack([_candidate_loss(each, batch) for each in scores]).mean()


def encode_by_length(encode: Callable[[Tensor, Tensor], Tensor], ids: Tensor, mask: Tensor) -> Tensor:
    """Encode texts beside others of similar length: one long text would make the rows of all as long."""
    lengths = mask.sum(1)
    order = lengths.argsort()
    parts = torch.split(order, _ENCODE_TEXTS)
    vectors = [encode(*(rows[part, : int(lengths[part].max())] for rows in (ids, mask))) for part in parts]
    return torch.cat(vectors)[order.argsort()]


def _emotion_loss(logits: Tensor, batch: dict[str, Tensor]) -> Tensor:
    labels = torch.where(batch["teaches"][:, None], batch["labels"], UNKNOWN).flatten()
    total = functional.cross_entropy(logits.flatten(0, 1), labels, ignore_index=UNKNOWN, reduction="sum")
    return total / (labels != UNKNOWN).sum().clamp_min(1)


def _candidate_loss(scores: Tensor, batch: dict[str, Tensor]) -> Tensor:
    losses = functional.binary_cross_entropy_with_logits(scores, batch["is_trigger"].to(scores.dtype), reduction="none")
    return (losses * batch["is_known"]).sum() / batch["is_known"].sum().clamp_min(1)


def number_texts(units: Sequence[Unit], encode: Callable[[list[str]], list[list[int]]]) -> Texts:
    texts = sorted({text for unit in units for text in unit.texts})
    return Texts({text: number for number, text in enumerate(texts)}, encode(texts))


@dataclass(frozen=True, slots=True)
class Fit:
    """Trains in place. `folder` keeps the base's vectors and the steps that a killed run goes on from."""

    trainee: Trainee
    texts: Texts
    settings: Fitting
    seed: int
    folder: Path
    on_step: OnPart

    def run(self, units: Sequence[Unit], tuned_on: Sequence[Unit]) -> None:
        """Fit the layers to `units`, everything to `tuned_on`, and the layers to `units` once more.

        What the layers were before and after this last step is averaged: they keep what they learnt from `tuned_on`,
        and are about as good on the rest (docs/results.md). Source: Wortsman et al., "Robust fine-tuning of zero-shot
        models" (2022).
        """
        self.trainee.to(pick_device(self.settings.device))
        vectors = self._base_vectors("vectors.pt")
        used = sorted({self.texts.numbers[text] for unit in units for text in unit.texts})
        self.trainee.dialogue.standardise_by(vectors[used])
        self._train("layers", units, self.settings.layer_epochs, vectors)
        self._train("all", tuned_on, self.settings.epochs, None)
        if self.settings.epochs and self.settings.refit_epochs:
            before = [weight.detach().clone() for weight in self.trainee.layer_weights()]
            self._train("refit", units, self.settings.refit_epochs, self._base_vectors("tuned-vectors.pt"))
            with torch.no_grad():
                for weight, earlier in zip(self.trainee.layer_weights(), before, strict=True):
                    weight.lerp_(earlier.to(weight.device), 0.5)
        self.trainee.vectors = None
        self.trainee.eval()

    def _base_vectors(self, name: str) -> Tensor:
        """The vectors of all texts as the base now gives them: (texts, hidden). They are made once."""
        trainee, ids, path = self.trainee, self.texts.ids, self.folder / name
        if path.exists():
            kept: Tensor = torch.load(path, weights_only=True)
            if kept.shape == (len(ids), trainee.utterances.width):
                return kept
        device = next(trainee.parameters()).device
        order = sorted(range(len(ids)), key=lambda number: len(ids[number]))
        vectors = torch.zeros(len(order), trainee.utterances.width)
        trainee.utterances.eval()
        for start in range(0, len(order), _ENCODE_TEXTS):
            batch = order[start : start + _ENCODE_TEXTS]
            rows = [torch.tensor(ids[number]) for number in batch]
            padded = nn.utils.rnn.pad_sequence(rows, batch_first=True)
            mask = nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
            with torch.inference_mode(), _autocast(device.type):
                vectors[batch] = trainee.utterances(padded.to(device), mask.to(device)).float().cpu()
            self.on_step("texts", start + len(batch), len(order))
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(vectors, path)
        return vectors

    def _train(self, part: str, units: Sequence[Unit], epochs: int, vectors: Tensor | None) -> None:
        """Train the layers on these vectors; without them, everything."""
        if not epochs:
            return
        trainee, settings, is_tuned = self.trainee, self.settings, vectors is None
        trainee.vectors = None if vectors is None else vectors.to(pick_device(settings.device))
        trainee.utterances.requires_grad_(is_tuned)
        batches = draw_batches(units, settings.batch_utterances, epochs, self.seed)
        trainer = _UnitTrainer(
            batches,
            model=trainee,
            args=_arguments(settings, len(batches), self.seed, self.folder / part, is_tuned),
            train_dataset=units,
            data_collator=lambda drawn: collate(drawn, self.texts.ids, self.texts.numbers),
            callbacks=[StepReport(partial(self.on_step, part))],
        )
        trainer.settings = settings
        step = newest_step(self.folder / part)
        with quiet():
            trainer.train(resume_from_checkpoint=str(step) if step else None)


class _UnitTrainer(BatchTrainer):
    settings: Fitting

    def create_optimizer(self, *_: Any) -> Any:
        """The base at its own, lower rate, and not at all while its vectors are given."""
        trainee: Trainee = self.model
        groups = [{"params": trainee.layer_weights(), "lr": self.args.learning_rate}]
        if trainee.vectors is None:
            groups.append({"params": list(trainee.utterances.parameters()), "lr": self.settings.rate})
        self.optimizer = torch.optim.AdamW(groups, weight_decay=self.settings.weight_decay)
        return self.optimizer

    def compute_loss(self, model: Any, inputs: dict[str, Tensor], **_: Any) -> Tensor:
        with _autocast(self.args.device.type):
            loss: Tensor = model(**inputs)
            return loss


def _autocast(device: str) -> torch.autocast:
    """Products in 16 bits where the device computes them."""
    return torch.autocast(device, torch.bfloat16, enabled=computes_bf16(device))


def _arguments(settings: Fitting, num_steps: int, seed: int, folder: Path, is_tuned: bool) -> Any:
    return training_arguments(
        folder,
        num_steps,
        warmup_share=settings.warmup_share,
        device=pick_device(settings.device),
        learning_rate=settings.tuned_layer_rate if is_tuned else settings.layer_rate,
        lr_scheduler_type="linear",
        max_grad_norm=1.0,
        seed=seed,
        logging_strategy="no",
        save_strategy="steps",
        save_steps=max(1, num_steps // 10),
        save_total_limit=1,
    )

"""The encoder model in torch: vectors of utterances, states and emotions of a dialogue, triggers of its flips.

Three parts, so that each runs once for what it depends on. The utterance encoder reads every distinct utterance alone.
The dialogue layers read its vectors: each utterance attends to the last ones up to itself, so that nothing depends on
what is said later. The trigger layers read the last utterances before a flip side by side, with their states, emotions
and speakers, and decide for all of them at once. Both kinds of layers have members that learn each for itself; their
probabilities are averaged.

Sources: Wang et al., "Multilingual E5 text embeddings" (2024), for the mean over tokens; Raffel et al., "Exploring the
limits of transfer learning" (2020), for attention biased by distance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fliptrace.models.encoder.trigger_inputs import NUM_SPEAKERS, NUM_ZONES, TriggerInputs
from fliptrace.training.encoder.recipe import Layers
from fliptrace.training.encoder.units import LABELS

_FARTHEST_GAP = 20  # utterances between source and target, beyond which all gaps are alike


class UtteranceEncoder(nn.Module):
    """Any encoder of Hugging Face, with the mean over its tokens."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder
        self.width: int = encoder.config.hidden_size

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """ids, mask: (utterances, time). Returns (utterances, hidden)."""
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask[:, :, None].to(states.dtype)
        mean: Tensor = (states * weights).sum(1) / weights.sum(1)
        return mean


class DialogueEnsemble(nn.Module):
    """The states and emotions of utterances from their vectors, which are standardised by what training has seen."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, hidden: int, sizes: Layers) -> None:
        super().__init__()
        self.width = sizes.members * sizes.width
        self.register_buffer("mean", torch.zeros(hidden))
        self.register_buffer("deviation", torch.ones(hidden))
        self.members = nn.ModuleList(_DialogueLayers(hidden, sizes) for _ in range(sizes.members))

    def standardise_by(self, vectors: Tensor) -> None:
        """Take mean and deviation of (utterances, hidden) vectors."""
        self.mean.copy_(vectors.mean(0))
        self.deviation.copy_(vectors.std(0).clamp_min(1e-6))

    def each(self, vectors: Tensor, speakers: Tensor) -> list[tuple[Tensor, Tensor]]:
        """What every member returns. vectors: (dialogues, utterances, hidden). speakers: (dialogues, utterances), a
        number for each speaker.

        Returns the logits of emotions (dialogues, utterances, labels) and states (dialogues, utterances, width).
        """
        vectors = (vectors - self.mean) / self.deviation
        return [member(vectors, speakers) for member in self.members]

    def forward(self, vectors: Tensor, speakers: Tensor) -> tuple[Tensor, Tensor]:
        """As `each`, with the logarithm of the mean probabilities, and the states of all members side by side."""
        logits, states = zip(*self.each(vectors, speakers), strict=True)
        return log_mean([each.log_softmax(-1) for each in logits]), torch.cat(states, -1)


def log_mean(logarithms: Sequence[Tensor]) -> Tensor:
    """The logarithm of the mean of probabilities, from theirs."""
    return torch.stack(list(logarithms)).float().logsumexp(0) - math.log(len(logarithms))


class _DialogueLayers(nn.Module):
    def __init__(self, hidden: int, sizes: Layers) -> None:
        super().__init__()
        self.reach = sizes.reach
        self.drop = nn.Dropout(sizes.dropout)
        self.project = nn.Linear(hidden, sizes.width)
        self.layers = nn.ModuleList(_Layer(sizes.width, sizes, 2 * (sizes.reach + 1)) for _ in range(sizes.num_layers))
        self.norm = nn.LayerNorm(sizes.width)
        self.emotions = nn.Linear(sizes.width, len(LABELS))
        self.own_emotions = nn.Linear(hidden, len(LABELS))  # of the utterance without its dialogue

    def forward(self, vectors: Tensor, speakers: Tensor) -> tuple[Tensor, Tensor]:
        """See DialogueEnsemble.each; the vectors are standardised."""
        vectors = self.drop(vectors)
        places = torch.arange(vectors.shape[1], device=vectors.device)
        distances = places[:, None] - places[None, :]
        visible = (distances >= 0) & (distances <= self.reach)
        is_same = (speakers[:, :, None] == speakers[:, None, :]).long()
        relations = distances.clamp(0, self.reach)[None] + is_same * (self.reach + 1)
        states = self.project(vectors)
        for layer in self.layers:
            states = layer(states, visible[None], relations)
        states = self.norm(states)
        return self.emotions(states) + self.own_emotions(vectors), states


class TriggerEnsemble(nn.Module):
    """Which of the last utterances triggered a flip."""

    def __init__(self, sizes: Layers) -> None:
        super().__init__()
        self.members = nn.ModuleList(_TriggerLayers(sizes) for _ in range(sizes.members))

    def each(self, states: Tensor, emotions: Tensor, **inputs: Tensor) -> list[Tensor]:
        """What every member returns. states: (utterances, members * width). emotions: (utterances, labels), the
        probabilities of LABELS. The others are those of TriggerInputs.

        Returns the logits of candidates (flips, window).
        """
        of_members = states.chunk(len(self.members), -1)
        return [member(own, emotions, **inputs) for member, own in zip(self.members, of_members, strict=True)]

    def forward(
        self,
        states: Tensor,
        emotions: Tensor,
        places: Tensor,
        shown: Tensor,
        speakers: Tensor,
        zones: Tensor,
        sources: Tensor,
        targets: Tensor,
        gaps: Tensor,
    ) -> Tensor:
        """As `each`, with the logit of the mean probability."""
        inputs = (places, shown, speakers, zones, sources, targets, gaps)
        logits = self.each(states, emotions, **dict(zip(TriggerInputs._fields, inputs, strict=True)))
        likely, unlikely = (log_mean([functional.logsigmoid(sign * each) for each in logits]) for sign in (1, -1))
        return likely - unlikely


class _TriggerLayers(nn.Module):
    def __init__(self, sizes: Layers) -> None:
        super().__init__()
        width = sizes.trigger_width
        self.drop = nn.Dropout(sizes.dropout)
        self.states = nn.Linear(sizes.width, width)
        self.emotions = nn.Linear(len(LABELS), width)
        self.flip = nn.Linear(2 * len(LABELS) + 1, width)
        self.speakers = nn.Embedding(NUM_SPEAKERS, width)
        self.zones = nn.Embedding(NUM_ZONES, width)
        self.distances = nn.Parameter(torch.randn(sizes.window, width))
        self.layers = nn.ModuleList(_Layer(width, sizes, 1) for _ in range(2))
        self.norm = nn.LayerNorm(width)
        self.score = nn.Linear(width, 1)

    def forward(
        self,
        states: Tensor,
        emotions: Tensor,
        places: Tensor,
        shown: Tensor,
        speakers: Tensor,
        zones: Tensor,
        sources: Tensor,
        targets: Tensor,
        gaps: Tensor,
    ) -> Tensor:
        """See TriggerEnsemble.each; the states are the member's own."""
        gap = (gaps.clamp(max=_FARTHEST_GAP) / _FARTHEST_GAP).to(states.dtype)[:, None]
        flips = self.flip(torch.cat((emotions[sources], emotions[targets], gap), 1))  # (flips, width)
        said = self.states(self.drop(states[places])) + self.emotions(emotions[places])
        rows = said + self.speakers(speakers) + self.zones(zones) + self.distances + flips[:, None]
        for layer in self.layers:
            rows = layer(rows, shown[:, None, :], torch.zeros_like(places)[:, None, :])
        scores: Tensor = self.score(self.norm(rows)).squeeze(-1)
        return scores


class _Layer(nn.Module):
    """A pre-norm transformer layer whose attention is biased by a relation between every two places."""

    def __init__(self, width: int, sizes: Layers, num_relations: int) -> None:
        super().__init__()
        self.num_heads = sizes.num_heads
        self.norm, self.inner_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.bias = nn.Embedding(num_relations, sizes.num_heads)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.drop = nn.Dropout(sizes.dropout)
        nn.init.zeros_(self.bias.weight)

    def forward(self, rows: Tensor, visible: Tensor, relations: Tensor) -> Tensor:
        """rows: (batch, places, width). visible, relations: (batch or 1, places or 1, places)."""
        batch, num_places, width = rows.shape
        split = self.project(self.norm(rows)).view(batch, num_places, 3, self.num_heads, width // self.num_heads)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)  # each (batch, heads, places, width / heads)
        scores = queries @ keys.transpose(-1, -2) * (width // self.num_heads) ** -0.5
        scores = scores + self.bias(relations).permute(0, 3, 1, 2)
        weights = scores.masked_fill(~visible[:, None], -1e9).softmax(-1)
        attended = (weights @ values).transpose(1, 2).reshape(batch, num_places, width)
        rows = rows + self.drop(self.out(attended))
        passed: Tensor = rows + self.drop(self.down(functional.gelu(self.up(self.inner_norm(rows)))))
        return passed

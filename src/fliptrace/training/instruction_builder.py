"""Build the training instructions of a stage: its mixture of kinds, from views that fit the model's context."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.flips import FlipCase
from fliptrace.core.messages import Instruction, Message
from fliptrace.curate.correcting import OwnAnswer
from fliptrace.curate.curator import EMOTION_KINDS, Curator, Kind
from fliptrace.curate.mixture import mix
from fliptrace.curate.softening import SoftTargets
from fliptrace.models.base import ChatModel
from fliptrace.prompts.answers import render_question
from fliptrace.prompts.texts import escape
from fliptrace.prompts.views import TruncatedView, View, training_view, truncate_to_context
from fliptrace.training.recipe import Recipe
from fliptrace.training.recipe_tables import Stage

_TEMPLATE_TOKENS = 256  # more than a chat template adds


@dataclass(frozen=True, slots=True)
class InstructionBuilder:
    """Builds the instructions of any stage of a recipe.

    `emotions` are the labelled dialogues by file. `soft` are the soft targets by stage name; a stage without any has
    only hard targets.
    """

    recipe: Recipe
    teacher: ChatModel | None = None
    emotions: Mapping[str, Sequence[Dialogue]] = field(default_factory=dict)
    soft: Mapping[str, SoftTargets] = field(default_factory=dict)

    def instructions(self, stage: Stage, views: Sequence[View], own: Sequence[OwnAnswer]) -> list[Instruction]:
        """The stage's shuffled mixture. The same recipe and answers give the same rows in the same order."""
        seed = self.recipe.seed + self.recipe.stages.index(stage)
        others = {kind: weight for kind, weight in stage.mixture.items() if kind not in EMOTION_KINDS}
        soft = self.soft.get(stage.name, SoftTargets())
        rows = soft.soften_answers(self._curator(stage).mixture(others, views, own, seed), views)
        for kind in EMOTION_KINDS:
            if kind in stage.mixture:
                rows += self._emotion_instructions(kind, stage, soft, seed)
                random.Random(f"{seed}/kinds").shuffle(rows)
        return rows

    def _emotion_instructions(self, kind: Kind, stage: Stage, soft: SoftTargets, seed: int) -> list[Instruction]:
        """Mix the emotion files, each by its weight times the weight of the kind.

        In the shared layout whole dialogues are drawn, since their questions share what they show.
        """
        files = self.recipe.data.emotions if stage.emotions is None else stage.emotions
        weights = {ref: weight * stage.mixture[kind] for ref, weight in files.items()}
        layout = self.recipe.layout
        curator = Curator(layout=layout)
        made = {ref: curator.make(kind, (), dialogues=self.emotions[ref]) for ref in weights}
        parts = {ref: soft.soften_emotions(rows, ref, layout.name) for ref, rows in made.items()}
        return mix(parts, weights, seed, by_dialogue=layout.name == "shared")

    def fit_views(
        self, cases: Sequence[FlipCase], num_tokens: Callable[[Sequence[Message]], int], context_length: int
    ) -> list[TruncatedView]:
        """Return the training views of cases. The oldest utterances are dropped if the model's context is too short."""
        # Reply, feedback and second reply must fit behind the question: 512 tokens, or a quarter of a short context.
        room = context_length - min(512, context_length // 4)

        def fits(view: View) -> bool:
            prompt = render_question(view, "chain")
            return _most_tokens(prompt) <= room or num_tokens(prompt) <= room

        return [truncate_to_context(training_view(case, self.recipe.layout), fits) for case in cases]

    def taught_views(self, truncated: Sequence[TruncatedView]) -> list[View]:
        """The views to make instructions of: unless the recipe keeps them, not those that lost a trigger."""
        keeps = self.recipe.curate.cut_triggers == "keep"
        return [each.view for each in truncated if keeps or not each.lost_triggers]

    def texts(self, cases: Sequence[FlipCase]) -> Iterator[str]:
        """The texts for training a scratch tokenizer: questions and replies of the training cases, and utterances."""
        views = [training_view(case, self.recipe.layout) for case in cases]
        curator = Curator(self.recipe.curate.num_wordings, seed=self.recipe.seed)
        for instruction in curator.make("answer", views) + curator.make("chain", views):
            yield from (message.content for message in instruction.prompt)
            yield instruction.completion
        for dialogues in self.emotions.values():
            yield from (escape(utterance.text) for dialogue in dialogues for utterance in dialogue.utterances)

    def _curator(self, stage: Stage) -> Curator:
        part = self.recipe.curate
        return Curator(part.num_wordings, stage.feedback_level or part.feedback_level, self.recipe.seed, self.teacher)


def _most_tokens(prompt: Sequence[Message]) -> int:
    """More tokens than a prompt takes with any usual tokenizer, whose tokens are at least a byte long. It is quick."""
    return _TEMPLATE_TOKENS + sum(len(message.content.encode()) for message in prompt)

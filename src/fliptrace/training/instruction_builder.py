"""What a stage is taught: its mixture of instructions, over views that fit the model's context."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.flips import FlipCase
from fliptrace.core.messages import Instruction, Message
from fliptrace.curate.correcting import OwnAnswer
from fliptrace.curate.curator import Curator, Kind
from fliptrace.curate.mixture import mix
from fliptrace.curate.softening import SoftTargets
from fliptrace.curate.teaching import emotion_instructions
from fliptrace.models.base import ChatModel
from fliptrace.prompts.answers import render_question
from fliptrace.prompts.views import TruncatedView, View, escape, training_view, truncate_to_context
from fliptrace.training.recipe import Recipe, Stage


@dataclass(frozen=True, slots=True)
class InstructionBuilder:
    """Makes the instructions of any stage of a recipe. `emotions` are its dialogues with labels, by file.

    `soft` are the soft targets of every stage, by its name; without any all targets are hard.
    """

    recipe: Recipe
    teacher: ChatModel | None = None
    emotions: Mapping[str, Sequence[Dialogue]] = field(default_factory=dict)
    soft: Mapping[str, SoftTargets] = field(default_factory=dict)

    def instructions(self, stage: Stage, views: Sequence[View], own: Sequence[OwnAnswer]) -> list[Instruction]:
        """The stage's mixture, shuffled; the same recipe and answers give the same rows in the same order."""
        seed = self.recipe.seed + self.recipe.stages.index(stage)
        others: dict[Kind, float] = {kind: weight for kind, weight in stage.mixture.items() if kind != "emotion"}
        soft = self.soft.get(stage.name, SoftTargets())
        rows = soft.soften_answers(self._curator(stage).mixture(others, views, own, seed), views)
        if "emotion" in stage.mixture:
            rows += self._emotion_instructions(stage, soft, seed)
            random.Random(f"{seed}/kinds").shuffle(rows)
        return rows

    def _emotion_instructions(self, stage: Stage, soft: SoftTargets, seed: int) -> list[Instruction]:
        """Every file as often as it is weighed, times the weight of the kind."""
        files = self.recipe.data.emotions if stage.emotions is None else stage.emotions
        weights = {ref: weight * stage.mixture["emotion"] for ref, weight in files.items()}
        layout = self.recipe.layout
        made = {ref: emotion_instructions(self.emotions[ref], layout) for ref in weights}
        return mix({ref: soft.soften_emotions(rows, ref, layout.name) for ref, rows in made.items()}, weights, seed)

    def fit_views(
        self, cases: Sequence[FlipCase], num_tokens: Callable[[Sequence[Message]], int], context_length: int
    ) -> list[TruncatedView]:
        """Cases as training shows them, the oldest utterances dropped where the model's context asks for it."""
        # A reply, feedback and a second reply must fit behind the question; a quarter where the context is short.
        room = context_length - min(512, context_length // 4)
        views = (training_view(case, self.recipe.layout) for case in cases)
        return [truncate_to_context(view, lambda v: num_tokens(render_question(v, "chain")) <= room) for view in views]

    def texts(self, cases: Sequence[FlipCase]) -> Iterator[str]:
        """What a scratch tokenizer is trained on: questions and replies of the training cases."""
        views = [training_view(case, self.recipe.layout) for case in cases]
        untaught = Curator(self.recipe.curate.num_wordings, seed=self.recipe.seed)
        for instruction in untaught.make("answer", views) + untaught.make("chain", views):
            yield from (message.content for message in instruction.prompt)
            yield instruction.completion
        for dialogues in self.emotions.values():
            yield from (escape(utterance.text) for dialogue in dialogues for utterance in dialogue.utterances)

    def _curator(self, stage: Stage) -> Curator:
        part = self.recipe.curate
        return Curator(part.num_wordings, stage.feedback_level or part.feedback_level, self.recipe.seed, self.teacher)

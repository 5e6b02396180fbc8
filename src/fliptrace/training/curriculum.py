"""What a stage is taught: its mixture of instructions, over views that fit the model's context."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fliptrace.curate.correcting import OwnAnswer
from fliptrace.curate.curator import Curator
from fliptrace.flips import FlipCase
from fliptrace.messages import Instruction, Message
from fliptrace.models.base import ChatModel
from fliptrace.prompts.answers import render_question
from fliptrace.prompts.views import Fitted, View, fit, training_view
from fliptrace.training.recipe import Recipe, Stage


@dataclass(frozen=True, slots=True)
class Curriculum:
    """Makes the instructions of any stage of a recipe."""

    recipe: Recipe
    teacher: ChatModel | None = None

    def instructions(self, stage: Stage, views: Sequence[View], own: Sequence[OwnAnswer]) -> list[Instruction]:
        """The stage's mixture, shuffled; the same recipe and answers give the same rows in the same order."""
        seed = self.recipe.seed + self.recipe.stages.index(stage)
        return self._curator.mixture(stage.mixture, views, own, seed)

    def fit_views(
        self, cases: Sequence[FlipCase], num_tokens: Callable[[Sequence[Message]], int], context_length: int
    ) -> list[Fitted]:
        """Cases as training shows them, the oldest utterances dropped where the model's context asks for it."""
        # A reply, feedback and a second reply must fit behind the question; a quarter where the context is short.
        room = context_length - min(512, context_length // 4)
        views = (training_view(case, self.recipe.layout) for case in cases)
        return [fit(view, lambda v: num_tokens(render_question(v, "chain")) <= room) for view in views]

    def texts(self, cases: Sequence[FlipCase]) -> Iterator[str]:
        """What a scratch tokenizer is trained on: questions and replies of the training cases."""
        views = [training_view(case, self.recipe.layout) for case in cases]
        untaught = Curator(self.recipe.curate.num_wordings, seed=self.recipe.seed)
        for instruction in untaught.make("answer", views) + untaught.make("chain", views):
            yield from (message.content for message in instruction.prompt)
            yield instruction.completion

    @property
    def _curator(self) -> Curator:
        part = self.recipe.curate
        return Curator(part.num_wordings, part.feedback_level, self.recipe.seed, self.teacher)

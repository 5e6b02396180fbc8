"""Collect a stage's own answers: the replies of its parent to cases, sampled once and kept in the stage's folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fliptrace.core.files import read_jsonl, write_jsonl
from fliptrace.core.flips import FlipCase
from fliptrace.core.messages import Answer
from fliptrace.curate.correcting import OwnAnswer, choose_own_answers
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.sampling import answer_cases
from fliptrace.models.base import ChatModel, Decoding
from fliptrace.models.rules import RULES
from fliptrace.prompts.answers import parse_answer, render_answer
from fliptrace.prompts.views import Layout, View, training_view
from fliptrace.training.recipe import Recipe


def collect_own_answers(
    model: ChatModel, cases: Sequence[FlipCase], recipe: Recipe, made_by: str, path: Path
) -> list[OwnAnswer]:
    """Return distinct answers, at most `max_right_share` of them correct. They are read from `path` if it exists."""
    if not path.exists():
        _ask(model, cases, recipe, made_by, path)
    own = _read(path, cases, recipe.layout)
    return choose_own_answers(own, recipe.curate.max_right_share, recipe.seed)


def placeholder_answers(case: FlipCase, recipe: Recipe) -> list[OwnAnswer]:
    """Answers of rule:previous, as many as a model would give, for estimating the cost of a run."""
    view = training_view(case, recipe.layout)
    named = RULES["previous"].name_triggers(case)
    own = OwnAnswer(view, recipe.curate.own_ask, Answer(named, render_answer(named, view)), "rule:previous")
    return [own] * recipe.curate.own_samples


def _ask(model: ChatModel, cases: Sequence[FlipCase], recipe: Recipe, made_by: str, path: Path) -> None:
    part = recipe.curate
    # Unconstrained, so that the errors to correct are the model's real ones.
    greedy = Decoding(max_new_tokens=part.own_max_new_tokens, constrain=False)
    sample = replace(
        greedy, kind="sample", num_samples=part.own_samples, temperature=part.own_temperature, seed=recipe.seed
    )
    rows = []
    for decoding in (greedy, sample):
        config = InferenceConfig(recipe.layout, part.own_ask, decoding)
        for answered in answer_cases(model, cases, config, hide_unknown=True):
            origin = {"case_id": answered.view.case.id, "first": answered.view.first, "made_by": made_by}
            rows += [origin | {"ask": part.own_ask, "text": reply.draft.text} for reply in answered.replies]
    write_jsonl(path, rows)


def _read(path: Path, cases: Sequence[FlipCase], layout: Layout) -> list[OwnAnswer]:
    by_id = {case.id: case for case in cases}
    own = []
    for _, row in read_jsonl(path):
        view = View(by_id[row["case_id"]], layout, row["first"])
        own.append(OwnAnswer(view, row["ask"], parse_answer(row["text"], view), row["made_by"]))
    return own

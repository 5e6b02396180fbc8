"""Shared by the tests of hosted runs: runs against a fake provider, so small that three stages take a second."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from tiny_runs import TABLE

from fliptrace.core.files import Json, read_jsonl
from fliptrace.fake_provider.answers import PlausibleModel
from fliptrace.fake_provider.provider import FakeProvider
from fliptrace.models.hosted.budget import NobodyWatches
from fliptrace.models.hosted.model import HostedSettings
from fliptrace.training.hosted.trainer import HostedTrainer
from fliptrace.training.recipe import Recipe, parse_recipe

TODAY = date(2026, 11, 27)
STAGES: list[Json] = [
    {"name": "chain", "mixture": {"answer": 1, "chain": 1}, "epochs": 2},
    {"name": "feedback", "mixture": {"answer": 1, "feedback": 1}, "epochs": 1},
    {"name": "self-evaluation", "mixture": {"answer": 1, "self-evaluation": 1}, "epochs": 1},
]


def make_provider(**settings: Any) -> FakeProvider:
    return FakeProvider({"fake-1": PlausibleModel().as_model()}, **settings)


def hosted_recipe(url: str, **changes: Any) -> Recipe:
    """Make the tiny recipe with its base at `url`."""
    hosted: Json = {
        "base": {"model": f"{url}#fake-1"},
        "tuning": None,
        "hosted": {},
        "prompt": {"layout": "dialogue"},
        "stages": STAGES,
    }
    return parse_recipe(TABLE | hosted | changes, "recipe of the test")


class Told(NobodyWatches):
    """A watcher that records the remarks."""

    def __init__(self) -> None:
        self.remarks: list[str] = []

    def found(self, remark: str) -> None:
        self.remarks.append(remark)


def make_trainer(recipe: Recipe, run: Path, **settings: Any) -> HostedTrainer:
    return HostedTrainer(recipe, HostedSettings(answers=run / "answers.jsonl"), TODAY, **settings)


def jobs_of(provider: FakeProvider) -> list[Any]:
    return list(provider.jobs.values())


def uploaded(run: Path, stage: str) -> list[Json]:
    return [row for _, row in read_jsonl(run / stage / "training.jsonl")]

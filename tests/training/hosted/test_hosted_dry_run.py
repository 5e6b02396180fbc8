"""The cost of a hosted run, counted without any request."""

from __future__ import annotations

from pathlib import Path

import pytest
from hosted_runs import hosted_recipe, make_provider, make_trainer
from tiny_runs import Recorder, make_data
from typer.testing import CliRunner

from fliptrace.cli.main import app
from fliptrace.fake_provider.serve import running
from fliptrace.models.hosted.budget import Price
from fliptrace.training.hosted.dry_run import dry_run_hosted
from fliptrace.training.stages import train

NOWHERE = "http://127.0.0.1:1/v1"
RECIPES = Path(__file__).parents[3] / "recipes"


def test_nobody_is_asked_and_all_prices_make_a_sum() -> None:
    result = dry_run_hosted(hosted_recipe(NOWHERE), make_data(), Price(1.0, 2.0), training_price=10.0)
    assert [stage.num_epochs for stage in result.stages] == [2, 1, 1]
    parts = [*(stage.dollars for stage in result.stages), *(evaluation.dollars for evaluation in result.evaluations)]
    assert result.dollars == pytest.approx(sum(part or 0 for part in parts))
    assert result.stages[0].dollars == pytest.approx(result.stages[0].num_billed_tokens * 10 / 1e6)


@pytest.mark.parametrize(("price", "training_price"), [(None, 10.0), (Price(1, 2), None)])
def test_a_missing_price_makes_no_sum(price: Price | None, training_price: float | None) -> None:
    assert dry_run_hosted(hosted_recipe(NOWHERE), make_data(), price, training_price).dollars is None


def test_replies_are_counted_as_the_run_will_ask_for_them() -> None:
    by_name = {part.name: part.num_replies for part in dry_run_hosted(hosted_recipe(NOWHERE), make_data()).evaluations}
    num_val = len(make_data().val)
    assert by_name == {"greedy": 3 * num_val, "k3": 3 * num_val, "judged": 2 * num_val}


def test_the_first_stage_is_what_is_then_uploaded(tmp_path: Path) -> None:
    with running(make_provider()) as url:
        recipe = hosted_recipe(url)
        planned = dry_run_hosted(recipe, make_data()).stages[0]
        recorder = Recorder()
        train(recipe, make_data(), tmp_path, recorder, only=["chain"], trainer=make_trainer(recipe, tmp_path))
    assert planned.num_rows == recorder.preflights[0].num_rows
    assert planned.num_rows == len((tmp_path / "1-chain" / "training.jsonl").read_text().splitlines())


def test_the_shipped_recipe_can_be_priced_without_a_key(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    arguments = ["train", str(RECIPES / "hosted.toml"), "--dry-run", "--training-price", "5", "--price", "1/4"]
    arguments += ["--data", str(data_root)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "about $" in result.output

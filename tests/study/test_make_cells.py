"""One cell: its content, its metrics compared with its predictions, and resuming after a kill."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from killed_study import MOMENTS, make_until
from pytest import approx
from tiny_study import open_run, timeless, write_corpus, write_study
from typer.testing import CliRunner

from fliptrace.cli.main import app
from fliptrace.core.files import Json, hash_file, read_json, to_line
from fliptrace.study.make_cells import make_cell
from fliptrace.study.metrics import f1_of
from fliptrace.study.plan import BASELINE, CellKey, definition, read_study

CHAIN = CellKey("tiny", "own", 0, "chain")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def toml(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("study"), corpus)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def chain(toml: Path, folder: Path) -> Json:
    return make_cell(open_run(toml, "own", folder), CHAIN)


@pytest.fixture(scope="module")
def base(toml: Path, folder: Path, chain: Json) -> Json:
    return make_cell(open_run(toml, "own", folder), CHAIN._replace(arm="base"))


def evaluations(cell: Json) -> dict[str, list[str]]:
    return {test: list(tested["evaluations"]) for test, tested in cell["tests"].items()}


def test_the_arm_of_the_transfer_is_evaluated_on_all_test_sets(chain: Json) -> None:
    assert evaluations(chain) == {
        "own": ["greedy", "exact", "k3", "reasons"],
        "own-held-out": ["greedy"],
        "further": ["greedy"],
    }


def test_the_base_is_evaluated_on_its_own_track_and_was_not_trained(base: Json) -> None:
    assert evaluations(base) == {"own": ["greedy", "exact"], "own-held-out": ["greedy"]}
    assert base["training"] is None and base["weights_sha256"] is not None


def test_a_track_without_a_test_of_its_own_is_evaluated_on_that_of_another(toml: Path, tmp_path: Path) -> None:
    cell = make_cell(open_run(toml, "more", tmp_path), CHAIN._replace(track="more"))
    assert evaluations(cell) == {
        "own": ["greedy", "exact", "k3", "reasons"],
        "own-held-out": ["greedy"],
        "further": ["greedy"],
    }
    assert (cell["num_train_cases"], len(cell["data"])) == (30, 3)


def test_a_baseline_has_one_plain_evaluation_on_every_test_set(toml: Path, tmp_path: Path) -> None:
    cell = make_cell(open_run(toml, "own", tmp_path), CellKey(BASELINE, "own", 0, "previous"))
    assert evaluations(cell) == {"own": ["plain"], "own-held-out": ["plain"], "further": ["plain"]}
    assert cell["training"] is None and cell["title"].startswith("rule")


def test_a_cell_says_what_it_was_made_of(chain: Json, toml: Path, corpus: Path) -> None:
    assert {key: chain[key] for key in ("format", "base", "track", "seed", "arm", "command")} == {
        "format": 1,
        **CHAIN._asdict(),
        "command": "a test",
    }
    assert chain["definition"] == definition(read_study(toml), CHAIN)
    assert chain["data"] == {str(corpus / name): hash_file(corpus / name) for name in ("train.json", "val.json")}
    assert chain["num_train_cases"] == 22
    assert {"torch", "transformers", "scikit-learn", "python"} <= chain["versions"].keys()


def test_training_is_recorded_in_steps_tokens_and_seconds(chain: Json) -> None:
    training = chain["training"]
    assert training["num_steps"] > 2 and training["num_tokens"] > 1000
    assert training["seconds"] >= 0  # to a tenth of a second
    assert training["num_parameters"] > 10_000


def test_every_evaluation_has_its_cost(chain: Json, base: Json) -> None:
    costs = {name: metrics["cost"] for name, metrics in chain["tests"]["own"]["evaluations"].items()}
    assert all(cost["num_prompt_tokens"] > 0 and cost["seconds"] >= 0 for cost in costs.values())
    assert costs["k3"]["num_reply_tokens"] > costs["greedy"]["num_reply_tokens"] > costs["exact"]["num_reply_tokens"]
    assert costs["exact"]["num_reply_tokens"] == 0


def test_a_cell_is_plain_json_of_a_line(chain: Json) -> None:
    assert json.loads(to_line(chain)) == chain and to_line(chain).count("\n") == 1


@pytest.mark.parametrize(
    ("test", "evaluation"), [("own", "greedy"), ("own", "k3"), ("own", "exact"), ("further", "greedy")]
)
def test_metrics_are_those_that_score_gives(chain: Json, folder: Path, test: str, evaluation: str) -> None:
    path = folder / "2-chain" / "predictions" / f"{test}.{evaluation}.jsonl"
    result = CliRunner().invoke(app, ["score", str(path), "--json", "--draws", "100"])
    scores, tested = json.loads(result.stdout), chain["tests"][test]
    metrics = tested["evaluations"][evaluation]
    assert f1_of(metrics) == approx(scores["trigger_f1"], abs=1e-6)
    assert metrics["precision"] == approx(scores["trigger_precision"], abs=1e-6)
    assert metrics["recall"] == approx(scores["trigger_recall"], abs=1e-6)
    for key in ("exact_match", "num_answers", "num_unparsed", "anomalies", "prevented"):
        assert metrics[key] == scores[key]
    assert (tested["num_flips"], len(metrics["tp"])) == (scores["num_flips"], scores["num_groups"])


def test_what_is_made_is_not_made_again(chain: Json, toml: Path, folder: Path) -> None:
    progress: list[str] = []
    again = make_cell(open_run(toml, "own", folder, lambda what, num_done, num: progress.append(what)), CHAIN)
    assert progress == [] and again == chain


def test_predictions_of_other_labels_are_not_kept(
    chain: Json, toml: Path, corpus: Path, folder: Path, tmp_path: Path
) -> None:
    """The run has no hash of a further file, so the file may have been corrected in the meantime."""
    rows = read_json(corpus / "further.json")
    for row in rows:
        if "triggers" in row:
            row["triggers"] = [0.0] * len(row["triggers"])
    (tmp_path / "further.json").write_text(json.dumps(rows))
    corrected = write_study(tmp_path, corpus, ("tests.further.file", str(tmp_path / "further.json")))
    progress: list[str] = []
    run = open_run(corrected, "own", folder, lambda what, num_done, num: progress.append(what))
    again = make_cell(run, CHAIN)
    assert set(progress) == {"evaluating further greedy"}
    assert sum(again["tests"]["further"]["evaluations"]["greedy"]["tp"]) == 0
    assert again["tests"]["own"] == chain["tests"]["own"]
    make_cell(open_run(toml, "own", folder), CHAIN)  # restores the predictions for the other tests


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_cell_that_was_killed_ends_as_one_that_was_not(moment: str, chain: Json, toml: Path, tmp_path: Path) -> None:
    assert make_until(moment, toml, CHAIN, tmp_path) == -signal.SIGKILL
    cell = make_cell(open_run(toml, "own", tmp_path), CHAIN)
    assert to_line(timeless(cell)) == to_line(timeless(chain))


def test_an_evaluation_without_a_recorded_time_is_run_again(toml: Path, tmp_path: Path) -> None:
    assert make_until("read but not kept", toml, CHAIN, tmp_path) == -signal.SIGKILL
    lines: list[str] = []
    make_cell(open_run(toml, "own", tmp_path, lambda what, num_done, num: lines.append(f"{what} {num_done}")), CHAIN)
    assert [num for num in range(1, 7) if f"evaluating own exact {num}" not in lines] == []
    assert not any(line.startswith(("training", "evaluating own greedy")) for line in lines)

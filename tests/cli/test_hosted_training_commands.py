"""The commands for training by a provider: those of docs/hosted.md, and stopping, continuing and cancelling a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hosted_models import make_provider
from test_docs import commands_of
from test_hosted_options import TINY, run

from fliptrace.core.errors import InputError, RunError
from fliptrace.core.files import read_json
from fliptrace.fake_provider.provider import FakeProvider
from fliptrace.fake_provider.serve import running
from fliptrace.fake_provider.settings import JobScript
from fliptrace.models.hosted.model import HostedSettings
from fliptrace.models.open_model import check_host

ROOT = Path(__file__).parents[2]
DEFAULT_URL = "http://127.0.0.1:8089/v1"


@pytest.fixture
def provider() -> FakeProvider:
    return make_provider()


@pytest.fixture
def url(provider: FakeProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the provider. The current folder holds a tiny recipe and nothing else."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.toml").write_text(TINY)
    with running(provider) as url:
        yield url


def train(url: str, *more: str) -> Any:
    return run("train", "tiny.toml", "--base", f"{url}#fake-1", *more)


def test_a_run_is_trained_reported_and_used(url: str, tmp_path: Path) -> None:
    result = train(url)
    assert result.exit_code == 0, result.output
    shown = " ".join(result.stderr.split())
    assert "which continues if you stop; --cancel ends it" in shown
    assert "tiny: " in shown and "prompt tokens" in shown
    assert run("report", "runs/tiny").exit_code == 0
    assert run("predict", "runs/tiny", "sample:val", "--limit", "3", "--out", "p.jsonl").exit_code == 0
    assert read_json(tmp_path / "p.manifest.json")["model"].startswith(f"{url}#ft:fake-1:")
    with pytest.raises(InputError, match=r"refers to http://\S+; expected local weights"):
        run("export", "onnx", "runs/tiny", "--out", "onnx")


def test_a_stopped_run_continues_with_its_job(
    url: str, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.job_script = JobScript(step_seconds=0.1)
    with monkeypatch.context() as patch:
        patch.setattr("fliptrace.training.hosted.job.time.sleep", _interrupt)
        assert train(url).exit_code == 130
    assert train(url).exit_code == 0
    assert len(provider.jobs) == 1


def test_a_job_is_cancelled_where_the_run_was_begun(
    url: str, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.job_script = JobScript(step_seconds=30)
    with monkeypatch.context() as patch:
        patch.setattr("fliptrace.training.hosted.job.time.sleep", _interrupt)
        train(url)
    # The recipe's own base is another address, where no server answers.
    assert "cancelled: ftjob-" in run("train", "tiny.toml", "--cancel").stderr
    assert "no job is in progress" in run("train", "tiny.toml", "--cancel").stderr
    provider.job_script = JobScript()
    assert train(url).exit_code == 0
    assert len(provider.jobs) == 2


def test_there_is_nothing_to_cancel_where_nothing_was_begun(url: str) -> None:
    with pytest.raises(InputError, match="runs/tiny: no run was started there"):
        run("train", "tiny.toml", "--cancel")


def test_a_limit_is_held_by_training_too(url: str, provider: FakeProvider) -> None:
    with pytest.raises(RunError, match="training stage 'answer' may cost"):
        train(url, "--training-price", "1000", "--price", "0/0", "--max-cost", "1")
    assert not provider.jobs
    assert train(url, "--training-price", "1000", "--price", "0/0", "--max-cost", "100").exit_code == 0


def test_a_teacher_and_the_stages_share_one_budget(url: str, provider: FakeProvider) -> None:
    recipe = (
        TINY.replace("{answer = 1}", "{chain = 1}").replace("= 24", "= 200")
        + f'curate = {{teacher = "{url}#fake-1"}}\n'
    )
    Path("tiny.toml").write_text(recipe)
    with pytest.raises(RunError, match="training stage 'answer' may cost") as caught:
        train(url, "--training-price", "1000", "--price", "1/1", "--max-cost", "1")
    assert "$0.0000 spent" not in str(caught.value)
    assert not provider.jobs


def test_the_rehearsal_of_the_docs_runs_as_it_is_written(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rehearsed = [c for c in commands_of("docs/hosted.md") if f"{DEFAULT_URL}#fake-1" in c or "hosted-demo" in c[1]]
    assert [command[0] for command in rehearsed] == ["predict", "train"]
    for command in rehearsed:
        words = [word.replace(DEFAULT_URL, url).replace("recipes/", f"{ROOT}/recipes/") for word in command]
        more = ["--base", f"{url}#fake-1"] if words[0] == "train" else []
        result = run(*words, *more)
        assert result.exit_code == 0, result.output
    scores = json.loads(Path("runs/hosted-demo/scores.json").read_text())
    assert list(scores["stages"]) == ["chain", "feedback", "self-evaluation"]


def _interrupt(seconds: float) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("place", ["model", "teacher"])
def test_a_recipe_may_send_text_and_key_only_to_hosts_that_the_user_named(
    place: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLIPTRACE_API_KEY", "sk-secret-0123456789")
    foreign = "http://collect.invalid/v1#m"
    recipe = TINY.replace("http://127.0.0.1:1/v1#nobody", foreign if place == "model" else f"{url}#fake-1")
    Path("theirs.toml").write_text(recipe + (f'curate = {{teacher = "{foreign}"}}\n' if place == "teacher" else ""))
    with pytest.raises(InputError, match=r"theirs.toml: names a model at http://collect.invalid/v1, .*--allow-host"):
        run("train", "theirs.toml")
    assert not Path("runs").exists()
    check_host(foreign, Path("theirs.toml"), HostedSettings(allowed_hosts=("collect.invalid",)))


def test_cancelling_a_run_tells_no_foreign_host_the_key(url: str) -> None:
    assert train(url).exit_code == 0
    manifest = Path("runs/tiny/manifest.json")
    manifest.write_text(manifest.read_text().replace(f"{url}#fake-1", "http://collect.invalid/v1#m"))
    with pytest.raises(InputError, match=r"manifest.json: names a model at http://collect.invalid/v1"):
        run("train", "tiny.toml", "--cancel")

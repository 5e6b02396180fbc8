"""Three stages trained by a provider: what is sent to it, what results, and what happens after kills and refusals."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hosted_models import LittleServer, Said, serving
from hosted_runs import TODAY, Told, hosted_recipe, jobs_of, make_provider, make_trainer, uploaded
from tiny_runs import Recorder, make_data, one_stage, read_log

from fliptrace.core.errors import InputError, RunError
from fliptrace.core.files import read_json, write_json
from fliptrace.fake_provider.provider import FakeProvider
from fliptrace.fake_provider.serve import running
from fliptrace.fake_provider.settings import Faults, JobScript
from fliptrace.models.checkpoints import Checkpoint, InferenceDefaults, hosted_ref, last_checkpoint
from fliptrace.models.hosted.budget import Budget, Price
from fliptrace.models.hosted.errors import NoSuchModel
from fliptrace.models.hosted.model import HostedSettings
from fliptrace.models.hosted.provider import OPENAI_URL, Provider, find_provider
from fliptrace.models.open_model import open_model
from fliptrace.predictions.rows import read_predictions
from fliptrace.report.run.reader import read_run
from fliptrace.training.hosted.job import FineTuningJobs
from fliptrace.training.hosted.retirement import OPENAI_LAST_JOBS, check_retirement
from fliptrace.training.hosted.trainer import HostedTrainer, cancel_jobs
from fliptrace.training.recipe import Recipe
from fliptrace.training.stages import train

NAMES = ("1-chain", "2-feedback", "3-self-evaluation")
ONE = {"stages": one_stage(1, answer=1, chain=1), "evaluations": {"greedy": {"max_new_tokens": 8}}}


@pytest.fixture(scope="module")
def provider() -> FakeProvider:
    return make_provider()


@pytest.fixture(scope="module")
def url(provider: FakeProvider) -> Iterator[str]:
    with running(provider) as url:
        yield url


@pytest.fixture(scope="module")
def run(url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of three stages, which tests only read."""
    folder = tmp_path_factory.mktemp("runs") / "hosted"
    recipe = hosted_recipe(url)
    train(recipe, make_data(), folder, Recorder(), trainer=make_trainer(recipe, folder))
    return folder


def go(recipe: Recipe, run: Path, recorder: Recorder | None = None, **settings: Any) -> None:
    train(recipe, make_data(), run, recorder or Recorder(), trainer=make_trainer(recipe, run, **settings))


def test_every_stage_is_trained_on_the_model_that_the_one_before_made(run: Path, provider: FakeProvider) -> None:
    made = [hosted_ref(run / name / "checkpoint") for name in NAMES]
    parents = [read_json(run / name / "checkpoint" / "hosted.json")["parent"] for name in NAMES]
    assert all(ref and "#ft:fake-1:" in ref for ref in made)
    assert parents[1:] == made[:-1]
    assert [job.hyperparameters.n_epochs for job in jobs_of(provider)[:3]] == [2, 1, 1]
    assert len({job.asked.seed for job in jobs_of(provider)[:3]}) == 3


def test_the_loss_falls_on_the_last_reply_alone(run: Path) -> None:
    rows = uploaded(run, NAMES[1])
    corrected = [row["messages"] for row in rows if len(row["messages"]) == 5]
    assert len(corrected) > 2
    for messages in corrected:
        assert [m["role"] for m in messages] == ["system", "user", "assistant", "user", "assistant"]
        assert (messages[2]["weight"], messages[4]["weight"]) == (0, 1)


def test_its_own_wrong_answers_are_what_a_stage_corrects(run: Path) -> None:
    own = [row["text"] for row in _rows(run / NAMES[1] / "own-answers.jsonl")]
    earlier = {row["messages"][2]["content"] for row in uploaded(run, NAMES[1]) if len(row["messages"]) == 5}
    assert earlier <= set(own)


def test_a_hosted_run_is_a_model_a_report_and_predictions_like_any_other(run: Path) -> None:
    opened = open_model(str(run))
    assert opened.model.name == hosted_ref(last_checkpoint(run))
    assert opened.defaults == InferenceDefaults.read(last_checkpoint(run))
    assert [stage.state for stage in read_run(run).stages] == ["finished"] * 3
    predictions = list(read_predictions(run / NAMES[2] / "predictions" / "k3.jsonl"))
    assert len(predictions) == 6
    assert Checkpoint.read(run / NAMES[0]) is not None


def test_a_folder_may_send_text_and_key_only_to_hosts_that_the_user_named(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shared-by-a-stranger"
    shutil.copytree(last_checkpoint(run), folder)
    write_json(folder / "hosted.json", {"model": "https://collect.example/v1#ft:fake-1:x"})
    with pytest.raises(InputError, match=r"at https://collect.example/v1, .*the key: --allow-host collect.example"):
        open_model(str(folder))
    named = HostedSettings(allowed_hosts=("collect.example",))
    assert open_model(str(folder), hosted=named).model.name == "https://collect.example/v1#ft:fake-1:x"


def test_metrics_of_the_job_are_the_log_of_the_run(run: Path) -> None:
    rows = [row for row in read_log(run) if row["stage"] == "chain"]
    assert [row["step"] for row in rows] == sorted({row["step"] for row in rows})
    assert all(row["loss"] > 0 for row in rows) and rows


def test_a_finished_run_asks_for_nothing_again(run: Path, url: str, provider: FakeProvider) -> None:
    num_jobs, num_billed = len(provider.jobs), len(provider.ledger.billed)
    go(hosted_recipe(url), run)
    assert (len(provider.jobs), len(provider.ledger.billed)) == (num_jobs, num_billed)


@pytest.mark.parametrize("moment", ["_upload", "_create", "follow", "checkpoints"])
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_killed_client_takes_the_job_up(
    moment: str, side: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = getattr(FineTuningJobs, moment)

    def die(self: FineTuningJobs, *arguments: Any) -> Any:
        if side == "after":
            original(self, *arguments)
        raise KeyboardInterrupt

    provider = make_provider()
    with running(provider) as url:
        recipe = hosted_recipe(url, **ONE)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(FineTuningJobs, moment, die)
            go(recipe, tmp_path)
        go(recipe, tmp_path)
    assert len(provider.jobs) == 1
    assert len(provider.files) == 1
    steps = [row["step"] for row in read_log(tmp_path)]
    assert steps == sorted(set(steps))


def test_a_job_that_is_made_as_the_connection_breaks_is_not_made_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx2
    import openai

    original = FineTuningJobs._create

    def create_and_lose(self: FineTuningJobs, *arguments: Any) -> Any:
        original(self, *arguments)
        monkeypatch.setattr(FineTuningJobs, "_create", original)
        raise openai.APIConnectionError(request=httpx2.Request("POST", "http://localhost"))

    monkeypatch.setattr(FineTuningJobs, "_create", create_and_lose)
    provider = make_provider()
    with running(provider) as url:
        go(hosted_recipe(url, **ONE), tmp_path)
    assert len(provider.jobs) == 1


def test_a_failed_job_shows_the_providers_reason_and_the_next_try_is_a_new_job(tmp_path: Path) -> None:
    provider = make_provider(job_script=JobScript(fail_with="The training loss is not a number."))
    with running(provider) as url:
        recipe = hosted_recipe(url, **ONE)
        for number in (1, 2):
            with pytest.raises(RunError, match=r"job ftjob-\S+ failed: The training loss is not a number"):
                go(recipe, tmp_path)
            assert len(provider.jobs) == number
    assert len(list((tmp_path / "1-chain").glob("job-ftjob-*.json"))) == 2


def test_a_job_is_cancelled_on_demand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = make_provider(job_script=JobScript(step_seconds=30))
    with running(provider) as url:
        recipe = hosted_recipe(url, **ONE)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("fliptrace.training.hosted.job.time.sleep", _interrupt)
            go(recipe, tmp_path)
        assert cancel_jobs(recipe, tmp_path) == list(provider.jobs)
        assert cancel_jobs(recipe, tmp_path) == []
        assert len(list((tmp_path / "1-chain").glob("job-ftjob-*.json"))) == 1  # the next run creates a new job


def test_the_best_checkpoint_on_val_goes_on_where_the_recipe_says_so(tmp_path: Path) -> None:
    with running(make_provider()) as url:
        stages = one_stage(3, answer=1, chain=1)
        go(hosted_recipe(url, **ONE | {"hosted": {"choose": "best on val"}, "stages": stages}), tmp_path)
    made = read_json(tmp_path / "1-chain" / "checkpoint" / "hosted.json")
    assert len(made["checkpoints"]) == len(made["val"]) == 3
    assert made["val"][made["model"]] == max(made["val"].values())


def test_rows_that_a_provider_would_refuse_are_refused_before_anything_is_uploaded(tmp_path: Path) -> None:
    provider = make_provider()
    with running(provider) as url:
        recipe = hosted_recipe(url, **ONE | {"stages": one_stage(1, answer=0.5)})
        with pytest.raises(RunError, match=r"stage chain: .*found \d examples, expected at least 10"):
            train(recipe, make_data(num_train=8), tmp_path, Recorder(), trainer=make_trainer(recipe, tmp_path))
    assert not provider.files and not provider.jobs


def test_nothing_is_trained_on_a_model_that_is_gone(tmp_path: Path) -> None:
    provider = make_provider(shutdown_dates={"fake-1": "2026-11-27"})
    with running(provider) as url, pytest.raises(RunError, match="was shut down on 2026-11-27"):
        go(hosted_recipe(url, **ONE), tmp_path)
    assert not provider.files and not provider.jobs
    assert provider.ledger.num_requests == 0


def test_a_model_that_goes_soon_is_told_of_before_money_is_spent(tmp_path: Path) -> None:
    told = Told()
    with running(make_provider(shutdown_dates={"fake-1": "2027-01-14"})) as url:
        go(hosted_recipe(url, **ONE), tmp_path, watcher=told)
    assert [remark for remark in told.remarks if "will be shut down on 2027-01-14, together with all" in remark]


@pytest.mark.parametrize(("today", "is_open"), [(OPENAI_LAST_JOBS, True), (date(2027, 1, 7), False)])
def test_openai_takes_no_new_jobs_after_its_last_day(today: date, is_open: bool) -> None:
    with running(make_provider()) as url:
        here = Provider(f"{url}#fake-1", "server", "fake-1", url)
        openai_itself = replace(here, ref="openai:fake-1", url=OPENAI_URL)
        with here.connect_blocking(5) as client:
            if is_open:
                assert "only until 2027-01-06" in next(check_retirement(openai_itself, client, today))
            else:
                with pytest.raises(RunError, match="no new fine-tuning jobs after 2027-01-06"):
                    list(check_retirement(openai_itself, client, today))


def test_training_that_may_cost_too_much_is_not_begun(tmp_path: Path) -> None:
    provider = make_provider()
    with running(provider) as url:
        recipe = hosted_recipe(url, **ONE)
        with pytest.raises(RunError, match="training stage 'chain' may cost"):
            go(recipe, tmp_path, budget=Budget(limit=0.000001), training_price=25.0)
    assert not provider.files and not provider.jobs


def test_what_was_trained_is_paid_for_though_the_provider_counts_no_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = FineTuningJobs.follow
    monkeypatch.setattr(FineTuningJobs, "follow", lambda *a: original(*a).model_copy(update={"trained_tokens": None}))
    budget = Budget(limit=100.0)
    with running(make_provider()) as url:
        go(hosted_recipe(url, **ONE), tmp_path, budget=budget, training_price=25.0)
    assert budget.dollars == 25.0 * read_json(tmp_path / "1-chain" / "cost.json")["num_trained_tokens"] / 1e6 > 0


def test_a_limit_takes_all_prices_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    recipe = hosted_recipe("http://127.0.0.1:1/v1", base={"model": "openai:gpt-4.1-mini-2025-04-14"})
    for settings, training_price, missing in [
        (HostedSettings(price=Price(1, 2)), None, "--training-price"),
        (HostedSettings(), 25.0, "--price"),
    ]:
        with pytest.raises(InputError, match=f"--max-cost: .*expected {missing}"):
            HostedTrainer(recipe, settings, TODAY, training_price=training_price, budget=Budget(limit=5.0))


def test_a_provider_without_a_list_of_checkpoints_has_the_model_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_list(*_: Any, **__: Any) -> Any:
        raise NoSuchModel("here", "HTTP 404")

    monkeypatch.setattr("openai.resources.fine_tuning.jobs.checkpoints.Checkpoints.list", no_list)
    with running(make_provider()) as url:
        go(hosted_recipe(url, **ONE | {"hosted": {"choose": "best on val"}}), tmp_path)
    assert len(read_json(tmp_path / "1-chain" / "checkpoint" / "hosted.json")["checkpoints"]) == 1


def test_a_job_that_its_provider_forgot_names_the_file_to_delete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(make_provider()) as url, monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(FineTuningJobs, "follow", lambda *_: _interrupt(0))
        go(hosted_recipe(url, **ONE), tmp_path)
    port = int(url.rpartition(":")[2].partition("/")[0])
    with running(make_provider(), port) as url:
        with pytest.raises(RunError, match=r"job\.json: job ftjob-\S+ is not known at .*delete this file"):
            go(hosted_recipe(url, **ONE), tmp_path)
        (tmp_path / "1-chain" / "job.json").unlink()
        go(hosted_recipe(url, **ONE), tmp_path)


def test_a_job_whose_client_was_killed_as_it_was_made_can_be_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = FineTuningJobs._create

    def create_and_die(self: FineTuningJobs, *arguments: Any) -> Any:
        original(self, *arguments)
        raise KeyboardInterrupt

    provider = make_provider(job_script=JobScript(step_seconds=30))
    with running(provider) as url:
        recipe = hosted_recipe(url, **ONE)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(FineTuningJobs, "_create", create_and_die)
            go(recipe, tmp_path)
        assert cancel_jobs(recipe, tmp_path) == list(provider.jobs)


def test_a_run_tells_which_job_goes_on_and_how_it_stands(tmp_path: Path) -> None:
    told = Told()
    with running(make_provider()) as url:
        go(hosted_recipe(url, **ONE), tmp_path, watcher=told)
    said = " ".join(told.remarks)
    assert "which continues if you stop; --cancel ends it" in said
    assert "succeeded" in said


def test_a_provider_that_stumbles_makes_no_other_run(tmp_path: Path) -> None:
    faults = Faults(share_429=0.1, share_500=0.1, share_dropped=0.1, retry_after_seconds=0.0)
    runs = []
    for folder, provider in (("smooth", make_provider()), ("rough", make_provider(faults=faults))):
        with running(provider) as url:
            go(hosted_recipe(url, **ONE), tmp_path / folder)
        rows = _rows(tmp_path / folder / "1-chain" / "predictions" / "greedy.jsonl")
        runs.append([row["answers"] for row in rows])
    assert runs[0] == runs[1]


REFUSED = [
    ({"hosted": None}, r"is hosted; expected \[hosted\] and no \[tuning\]"),
    ({"base": {"model": "somewhere/local"}}, r"is trained locally; expected \[tuning\]"),
    ({"tuning": {"learning_rate": 0.1}}, r"is hosted; expected \[hosted\] and no \[tuning\]"),
    ({"stages": one_stage(1.5)}, "whole `epochs`"),
    ({"stages": [one_stage(1)[0] | {"learning_rate": 0.1}]}, "with learning_rate_multiplier instead of learning_rate"),
    ({"hosted": {"suffix": "a name with blanks"}}, r"hosted\.suffix"),
    ({"hosted": {"epochs": 3}}, r"hosted\.epochs: unknown key"),
    ({"curate": {"soft_triggers": 0.5}}, "soft targets"),
    (
        {"evaluations": {"exact": {"decode": "exact"}}},
        "evaluation 'exact': decode = 'exact' needs samples with a hosted model",
    ),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_what_a_provider_cannot_do_is_refused_in_the_recipe(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        hosted_recipe("http://127.0.0.1:1/v1", **changes)


def test_training_by_a_provider_needs_no_torch() -> None:
    code = "import sys, fliptrace.training.stages, fliptrace.training.hosted.trainer; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_multiplier_is_for_hosted_bases() -> None:
    from tiny_runs import make_recipe

    with pytest.raises(InputError, match="learning_rate_multiplier is for hosted bases"):
        make_recipe(stages=[one_stage(1)[0] | {"learning_rate_multiplier": 2}])


def _rows(path: Path) -> list[dict[str, Any]]:
    from fliptrace.core.files import read_jsonl

    return [row for _, row in read_jsonl(path)]


def _interrupt(seconds: float) -> None:
    raise KeyboardInterrupt


def test_a_list_of_jobs_without_an_end_is_read_no_further_than_we_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fliptrace.training.hosted.job._MAX_PAGES", 3)
    job = {"id": "ftjob-1", "object": "fine_tuning.job", "training_file": "other", "status": "running"}
    server = LittleServer(models=Said(200, {"object": "list", "data": [job], "has_more": True}))
    write_json(tmp_path / "job.json", {"token": "t", "file_id": "ours"})
    with serving(server) as url:
        provider = find_provider(f"{url}#m")
        with provider.connect_blocking(5.0) as client:
            assert FineTuningJobs(provider, client, tmp_path / "job.json", print).cancel() is None


def test_the_name_of_a_job_leads_nowhere_else(tmp_path: Path) -> None:
    record = tmp_path / "run" / "job.json"
    write_json(record, {"token": "t"})
    jobs = FineTuningJobs(find_provider("http://127.0.0.1:1/v1#m"), None, record, print)  # type: ignore[arg-type]
    jobs._set_record_aside("../../x")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["job-..-..-x.json"]

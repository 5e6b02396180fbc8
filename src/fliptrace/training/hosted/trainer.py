"""Training by a provider: a stage uploads a file of rows, follows a job, and passes its model to the next stage.

Only files and fine-tuning jobs of an OpenAI-compatible service are used. Replies come from the same provider and are
kept in the run's file of answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from fliptrace.core.errors import InputError, RunError
from fliptrace.core.files import Json, hash_file, new_folder, write_json
from fliptrace.core.messages import Instruction, Message
from fliptrace.curate.instructions import write_instructions
from fliptrace.curate.training_file import read_training_file
from fliptrace.models.base import Model
from fliptrace.models.checkpoints import HOSTED, hosted_ref
from fliptrace.models.hosted.budget import (
    TOKEN_SAFETY_FACTOR,
    Budget,
    NobodyWatches,
    Watcher,
    count_about,
    training_cost,
)
from fliptrace.models.hosted.model import HostedModel, HostedSettings
from fliptrace.models.hosted.provider import Provider, find_provider
from fliptrace.models.open_model import check_host, open_hosted
from fliptrace.training.hosted.job import FineTuningJobs, JobOrder, Progress
from fliptrace.training.hosted.retirement import check_retirement
from fliptrace.training.observer import TrainingObserver
from fliptrace.training.preflight import Preflight, count_beyond_reach, count_kinds, first_of_kinds
from fliptrace.training.recipe import Recipe
from fliptrace.training.recipe_tables import Hosted
from fliptrace.training.trainer import COST, PREFLIGHT, StageData, StagePlace

JOB = "job.json"
TRAINING_FILE = "training.jsonl"
_TIMEOUT_SECONDS = 600.0  # an upload may take this long


@dataclass(frozen=True, slots=True)
class HostedTrainer:
    """A Trainer whose stages run at a provider.

    `training_price` is in dollars per million trained tokens. `today` decides which models are retired. All models of
    the run share one `budget`. InputError where there is no key, or a limit without the prices to enforce it.
    """

    recipe: Recipe
    settings: HostedSettings
    today: date
    watcher: Watcher = field(default_factory=NobodyWatches)
    training_price: float | None = None
    budget: Budget = field(default_factory=Budget)

    def __post_init__(self) -> None:
        self.base.find_key()
        if self.budget.limit is None:
            return
        if self.training_price is None:
            raise InputError("--max-cost", "training has no published price; expected --training-price")
        if self.settings.price is None and not self.base.is_free:
            raise InputError("--max-cost", "models that are still to be trained have no known price; expected --price")

    @property
    def base(self) -> Provider:
        return find_provider(self.recipe.base.model)

    @property
    def hosted(self) -> Hosted:
        assert self.recipe.hosted is not None, "a recipe that is trained locally has no hosted trainer"
        return self.recipe.hosted

    def check(self) -> None:
        """RunError where the base model is shut down, which would also end the models trained on it."""
        with self.base.connect_blocking(_TIMEOUT_SECONDS) as client:
            for remark in check_retirement(self.base, client, self.today):
                self.watcher.found(remark)

    def make_base(self, texts: Iterable[str], folder: Path) -> str:
        return self.recipe.base.model

    def begin(self, place: StagePlace, parent: str) -> HostedStage:
        return HostedStage(self, place, self.open_ref(self._ref_of(Path(parent)) or parent))

    def open(self, checkpoint: Path) -> Model:
        ref = self._ref_of(checkpoint)
        assert ref is not None, f"{checkpoint} is not the checkpoint of a hosted model"
        return self.open_ref(ref).as_model()

    def _ref_of(self, checkpoint: Path) -> str | None:
        """The model of a checkpoint; InputError if it is at another host than the base, which the user did not name."""
        ref = hosted_ref(checkpoint)
        if ref is not None and find_provider(ref).url != self.base.url:
            check_host(ref, checkpoint, self.settings)
        return ref

    def open_ref(self, ref: str) -> HostedModel:
        """Open a model of the run. It was trained on plain answer lines, so no JSON schema is imposed on it."""
        return open_hosted(ref, replace(self.settings, structured=False), self.watcher, self.budget)


@dataclass(frozen=True, slots=True)
class HostedStage:
    """A StageTrainer at a provider. `trainee` is the parent model; training makes a new model from it."""

    trainer: HostedTrainer
    place: StagePlace
    trainee: HostedModel

    @property
    def provider(self) -> Provider:
        return self.trainee.provider

    def train(self, stage_data: StageData, observer: TrainingObserver) -> None:
        room = self.trainee.context_length
        kept = [row for row in stage_data.instructions if self.trainee.num_tokens((*row.prompt, *_reply(row))) <= room]
        checks = self._look(stage_data, kept)
        write_json(self.place.folder / PREFLIGHT, checks.to_json())
        observer.preflight(checks)
        training_file = self._write_rows(kept)
        observer.resumed(0)  # a provider reports all steps again
        with self.provider.connect_blocking(_TIMEOUT_SECONDS) as client:
            jobs = FineTuningJobs(self.provider, client, self.place.folder / JOB, self.trainer.watcher.found)
            job = jobs.find_or_make(self._order(training_file), lambda: self._check_before_paying(jobs, checks))
            job = jobs.follow(job, lambda progress: self._report(observer, progress))
            refs = [self.provider.with_model(name).ref for name in jobs.checkpoints(job)]
        num_trained = checks.num_tokens * self._num_epochs if job.trained_tokens is None else job.trained_tokens
        self.trainer.budget.pay_dollars(training_cost(num_trained, self.trainer.training_price))
        chosen, scores = self._choose(refs, stage_data)
        write_json(
            self.place.folder / COST,
            {"num_rows": len(kept), "num_epochs": self._num_epochs, "num_trained_tokens": num_trained},
        )
        made: Json = {"model": chosen, "parent": self.provider.ref, "job": job.id, "checkpoints": refs, "val": scores}
        with new_folder(self.place.checkpoint) as folder:
            write_json(folder / HOSTED, made | {"training_file_sha256": hash_file(training_file)})
            stage_data.defaults.write(folder)

    def _report(self, observer: TrainingObserver, progress: Progress) -> None:
        if progress.loss is not None:
            observer.logged({"stage": self.place.stage.name, "step": progress.step, "loss": progress.loss})
        if progress.num_steps:
            observer.stepped(progress.step, progress.num_steps)

    def _write_rows(self, instructions: list[Instruction]) -> Path:
        """Write the file to upload. RunError where a provider would refuse it."""
        path = self.place.folder / TRAINING_FILE
        write_instructions(path, instructions, "hosted")
        problem = read_training_file(path.read_bytes(), "training_file").problem
        if problem is not None:
            raise RunError(f"stage {self.place.stage.name}", problem.message)
        return path

    def _order(self, training_file: Path) -> JobOrder:
        recipe, stage, part = self.trainer.recipe, self.place.stage, self.trainer.hosted
        wanted = {
            "n_epochs": self._num_epochs,
            "batch_size": part.batch_size,
            "learning_rate_multiplier": stage.learning_rate_multiplier or part.learning_rate_multiplier,
        }
        return JobOrder(
            model=self.provider.model,
            training_file=training_file,
            seed=recipe.seed + self.place.number,
            suffix=part.suffix,
            metadata={"fliptrace_recipe": recipe.name, "fliptrace_stage": stage.name, "fliptrace_hash": recipe.digest},
            hyperparameters={name: value for name, value in wanted.items() if value is not None},
        )

    @property
    def _num_epochs(self) -> int:
        return int(self.place.stage.epochs or 1)

    def _check_before_paying(self, jobs: FineTuningJobs, checks: Preflight) -> None:
        """RunError where the model is shut down or the budget does not cover its training."""
        for remark in check_retirement(self.provider, jobs.client, self.trainer.today):
            self.trainer.watcher.found(remark)
        # Providers bill every token of a row in each epoch.
        dollars = (
            training_cost(checks.num_tokens * TOKEN_SAFETY_FACTOR * self._num_epochs, self.trainer.training_price)
            or 0.0
        )
        budget = self.trainer.budget
        budget.release(budget.set_aside(dollars, f"training stage {self.place.stage.name!r}"))

    def _choose(self, refs: list[str], stage_data: StageData) -> tuple[str, dict[str, float]]:
        """Return the model to continue with and, where it was chosen, the trigger F1 on val of all candidates."""
        if self.trainer.hosted.choose == "last" or len(refs) == 1:
            return refs[-1], {}
        scores = {ref: stage_data.score(self.trainer.open_ref(ref).as_model()) for ref in refs}
        return max(reversed(refs), key=scores.__getitem__), scores  # the later of equals

    def _look(self, stage_data: StageData, kept: list[Instruction]) -> Preflight:
        """Count the rows and estimate their tokens, since only the provider has the tokenizer."""
        if not kept:
            raise RunError(
                f"stage {self.place.stage.name}",
                f"nothing left to train on: {len(stage_data.instructions)} rows made, all too long",
            )
        trained = [count_about(_reply(row)) for row in kept]
        lengths = [count_about((*row.prompt, *_reply(row))) for row in kept]
        kept_ids = {row.id for row in kept}
        too_long = tuple(row.id for row in stage_data.instructions if row.id not in kept_ids)
        return Preflight(
            num_rows=len(kept),
            num_by_kind=count_kinds(kept),
            num_dropped=len(too_long),
            num_tokens=sum(lengths),
            num_trained_tokens=sum(trained),
            longest=max(lengths),
            samples={kind: row.completion for kind, row in first_of_kinds(kept).items()},
            too_long=too_long,
            num_cut_views=sum(each.num_dropped > 0 for each in stage_data.truncated),
            num_dropped_utterances=sum(each.num_dropped for each in stage_data.truncated),
            num_cut_triggers=sum(bool(each.lost_triggers) for each in stage_data.truncated),
            num_beyond_reach=count_beyond_reach(kept, stage_data.truncated),
        )


def cancel_jobs(recipe: Recipe, run: Path) -> list[str]:
    """Cancel the active jobs of a run and return their ids."""
    provider, cancelled = find_provider(recipe.base.model), []
    with provider.connect_blocking(_TIMEOUT_SECONDS) as client:
        for record in sorted(run.glob(f"*-*/{JOB}")):
            job_id = FineTuningJobs(provider, client, record, lambda remark: None).cancel()
            cancelled += [job_id] if job_id else []
    return cancelled


def _reply(row: Instruction) -> tuple[Message, ...]:
    return (Message("assistant", row.completion),)

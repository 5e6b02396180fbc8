"""The members of an ensemble: finished runs of one recipe that differ only in their seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fliptrace.core.errors import RunError
from fliptrace.core.files import Json, hash_file, hash_json, read_json
from fliptrace.models.checkpoints import DONE, MANIFEST, Checkpoint, last_checkpoint
from fliptrace.training.data import TrainingData
from fliptrace.training.recipe import Recipe, override, parse_recipe
from fliptrace.training.recipe_changes import differences


@dataclass(frozen=True, slots=True)
class Seed:
    """One finished run; `recipe` has its seed, `checkpoint` is that of its last stage."""

    run: Path
    recipe: Recipe
    checkpoint: Path
    weights_sha256: str
    versions: Json

    @property
    def name(self) -> str:
        return f"seed-{self.recipe.seed}"

    def to_json(self) -> Json:
        done = Checkpoint.read(self.checkpoint.parent)
        assert done is not None
        return {
            "seed": self.recipe.seed,
            "run": self.run.name,
            "recipe_sha256": self.recipe.digest,
            "checkpoint": done.ref,
            "data_sha256": done.data_hash,
            "weights_sha256": self.weights_sha256,
            "trained_with": self.versions,
        }


def read_seeds(runs: Sequence[Path], recipe: Recipe, data: TrainingData) -> tuple[Seed, ...]:
    """Read the runs, in the order given.

    Raises RunError if a run is not finished, was trained with another recipe or other data, or has the seed of another.
    """
    seeds = tuple(_read_seed(run) for run in runs)
    numbers = [seed.recipe.seed for seed in seeds]
    if len(set(numbers)) < len(numbers):
        raise RunError(runs[0], f"runs with seeds {', '.join(map(str, numbers))}; expected each seed once")
    for seed in seeds:
        expected = override(recipe, base=None, seed=seed.recipe.seed, device=seed.recipe.local_tuning.device)
        changed = differences(seed.recipe.to_json(), expected.to_json())
        changed += differences(read_json(seed.run / MANIFEST)["data"], data.manifest, "data files: ")
        if changed:
            lines = "\n  ".join(changed)
            raise RunError(
                seed.run,
                f"trained with another recipe or on other data; changes from its run to this recipe:\n  {lines}",
            )
    return seeds


def _read_seed(run: Path) -> Seed:
    manifest = read_json(run / MANIFEST)
    recipe = parse_recipe(manifest["recipe"], str(run / MANIFEST))
    last = run / f"{len(recipe.stages)}-{recipe.stages[-1].name}"
    if not (last / DONE).exists():
        raise RunError(run, f"its last stage, {last.name!r}, is not finished; resume with: fliptrace train RECIPE")
    checkpoint = last_checkpoint(run)
    hashes = [hash_file(path) for path in sorted(checkpoint.glob("*.safetensors"))]
    return Seed(
        run, recipe, checkpoint, hash_json(hashes) if len(hashes) > 1 else hashes[0], manifest.get("versions", {})
    )

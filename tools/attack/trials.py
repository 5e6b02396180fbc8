"""Try hostile inputs on what reads files from outside.

Each input has to end in a result or in one clear error, within MAX_SECONDS of processor time and MAX_MEGABYTES of
memory. What does not is kept in a folder and listed; the exit code is then 1. The same seed tries the same inputs.
"""

from __future__ import annotations

import random
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from fliptrace.core.errors import InputError
from fliptrace.core.files import read_json, to_line
from fliptrace.corpora.detect import read_corpus
from fliptrace.corpora.doctor import examine
from fliptrace.corpora.efr import read_efr
from fliptrace.corpora.sample import sample_path
from fliptrace.inference.config import InferenceConfig
from fliptrace.inference.seams import choose_decoder
from fliptrace.inference.triggers import name_triggers
from fliptrace.models.checkpoints import InferenceDefaults
from fliptrace.models.embedded import EmbeddedConfig
from fliptrace.models.encoder.config import EncoderConfig
from fliptrace.models.rules import find_rule
from fliptrace.predictions.rows import read_manifest, read_predictions
from fliptrace.training.recipe import read_recipe
from fliptrace.transcripts.decode import MAX_BYTES
from fliptrace.transcripts.read import read_transcript
from tools.attack.inputs import Attack, Generator, objects, predictions, recipes, transcripts

MAX_SECONDS = 5.0  # of processor time for one input
MAX_MEGABYTES = 500  # above the memory in use before the first input
_PATIENCE_SECONDS = 60  # after which an input is given up
_MAX_MESSAGE = 2_000  # characters of a clear error with its place


class Target(NamedTuple):
    """What reads a file, and what draws files for it."""

    name: str
    inputs: Generator
    read: Callable[[Path], Any]


@dataclass
class Outcomes:
    """How many inputs were read and refused, and what was wrong with the others."""

    num_read: int = 0
    num_refused: int = 0
    failures: list[tuple[Attack, str]] = field(default_factory=list)


def try_inputs(target: Target, seed: int, seconds: float, folder: Path, max_bytes: int = MAX_BYTES) -> Outcomes:
    """Try inputs on a target for so many seconds; failing ones are kept in `folder`."""
    outcomes, until = Outcomes(), time.monotonic() + seconds
    draw = random.Random(f"{target.name} {seed}")  # its own, so that the targets do not depend on each other
    highest = _peak_megabytes()
    limit = highest + MAX_MEGABYTES
    for attack in target.inputs(draw, max_bytes):
        if time.monotonic() >= until:
            return outcomes
        path = folder / attack.name
        path.write_bytes(attack.content)
        begun = time.process_time()
        wrong = _try_one(target.read, path, outcomes)
        used, peak = time.process_time() - begun, _peak_megabytes()
        if wrong is None and used > MAX_SECONDS:
            wrong = f"{used:.1f} seconds"
        if wrong is None and peak > limit and peak > highest:
            wrong = f"{peak - limit + MAX_MEGABYTES:.0f} MB"
        highest = max(highest, peak)
        if wrong is not None:
            outcomes.failures.append((attack, wrong))
            path.rename(folder / f"{target.name}-{len(outcomes.failures)}-{attack.name}")
    raise AssertionError("inputs are drawn without end")


def _try_one(read: Callable[[Path], Any], path: Path, outcomes: Outcomes) -> str | None:
    """What went wrong while a file was read; None if that ended in a result or a clear error."""
    try:
        with _given_up_after(_PATIENCE_SECONDS):
            read(path)
    except InputError as error:
        outcomes.num_refused += 1
        is_clear = "\n" not in str(error) and len(str(error)) <= _MAX_MESSAGE
        return None if is_clear else f"an error that is not one line: {str(error)[:200]!r}"
    except Exception as error:  # any other error is what is looked for
        return f"{type(error).__name__}: {str(error)[:200]}"
    outcomes.num_read += 1
    return None


class _given_up_after:
    """Raises TimeoutError in the block after so many seconds, where the system has such an alarm."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        signal.signal(signal.SIGALRM, self._ring)
        signal.alarm(self._seconds)

    def __exit__(self, *_: object) -> None:
        signal.alarm(0)

    def _ring(self, number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"not done after {self._seconds} seconds")


def _peak_megabytes() -> float:
    """The most memory that the process has used so far. Linux counts kilobytes, macOS bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1_000_000 if sys.platform == "darwin" else 1_000)


def make_targets(folder: Path) -> list[Target]:
    """The readers that take files from strangers. `folder` gets a good prediction file to make bad ones from."""
    rows = folder / "good.jsonl"
    rows.write_bytes(b"".join(islice(_good_rows(), 3)))
    manifest = {"inference": {"layout": {"name": "window"}, "ask": "answer"}, "model": "m", "data": {"files": {}}}
    cases = read_json(sample_path("val"))[:3]
    decoder = EmbeddedConfig(("model-0.onnx", "model-1.onnx"), {"bos_token": "<|begin|>"}, 1024)
    encoder = EncoderConfig(("joy", "neutral"), "query: ", 96, 16, 8)
    defaults = InferenceDefaults(thresholds={"exact": 0.4}, emotion_weights={"joy": 1.5}, same_label_odds=2.5)
    return [
        Target("transcripts", transcripts, read_transcript),
        Target("recipes", recipes, read_recipe),
        Target("corpora", partial(objects, good=cases, name="a_efr.json"), _read_corpus),
        Target("predictions", partial(predictions, rows=rows), read_predictions),
        Target("manifests", partial(objects, good=manifest, name="p.manifest.json"), _read_manifest),
        Target("decoders", partial(objects, good=asdict(decoder), name="embedded.json"), _read_decoder),
        Target("encoders", partial(objects, good=asdict(encoder), name="encoder.json"), _read_encoder),
        Target("defaults", partial(objects, good=asdict(defaults), name="fliptrace.json"), _read_defaults),
    ]


def _good_rows() -> Iterator[bytes]:
    cases = read_efr(sample_path("val")).cases
    for prediction in name_triggers(choose_decoder(find_rule("previous").as_model(), InferenceConfig()), cases):
        yield to_line(prediction.to_json()).encode()


def _read_corpus(path: Path) -> Any:
    examine([path])
    return read_corpus(path)


def _read_manifest(path: Path) -> Any:
    return read_manifest(path.with_name("p.jsonl"))


def _read_decoder(path: Path) -> Any:
    return EmbeddedConfig.read(path.parent).paths(path.parent)


def _read_encoder(path: Path) -> Any:
    return EncoderConfig.read(path.parent)


def _read_defaults(path: Path) -> Any:
    return InferenceDefaults.read(path.parent)

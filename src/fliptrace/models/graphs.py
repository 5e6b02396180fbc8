"""Opens what models without torch are made of: ONNX graphs and tokenizers, from files that may be a stranger's."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fliptrace.core.errors import InputError
from fliptrace.core.files import read_object, read_text

_MAX_GROWTH = 100  # times that a tokenizer's normalizers may lengthen a text; NFKD makes up to 18 signs of one


def open_tokenizer(path: Path) -> Any:
    """Open a `tokenizers.Tokenizer`; InputError if the file is none, or could lengthen a text beyond all measure."""
    from tokenizers import Tokenizer

    text = read_text(path)
    _check_normalizer(read_object(path).get("normalizer"), path)
    try:
        return Tokenizer.from_str(text)
    except Exception as error:  # tokenizers raises no narrower class
        raise InputError(path, f"cannot be read as a tokenizer: {error}") from error


def _check_normalizer(found: Any, path: Path) -> None:
    """InputError if a tokenizer's normalizers, one after another, could lengthen a text beyond all measure."""
    parts = found.get("normalizers") if isinstance(found, dict) else None
    growth = 1
    for part in parts if isinstance(parts, list) else [found]:
        if isinstance(part, dict) and part.get("type") == "Sequence":
            raise InputError(path, "normalizers within normalizers; expected one list of them")
        content = part.get("content") if isinstance(part, dict) else None
        pattern = part.get("pattern") if isinstance(part, dict) else None
        shortest = len(pattern.get("String", " ")) if isinstance(pattern, dict) else 1
        if isinstance(content, str):
            growth *= max(1, -(-len(content) // max(1, shortest)))
    if growth > _MAX_GROWTH:
        raise InputError(path, f"its normalizers may lengthen a text {growth:,} times; expected at most {_MAX_GROWTH}")


def num_cpus() -> int:
    """Return the number of processors that this process may run on."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def open_graph(path: Path) -> Any:
    """Open a graph, ready to run with one thread per run."""
    if not path.is_file():
        raise InputError(path, "no such file")
    onnxruntime = _import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3  # errors only
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no narrower common base
        raise InputError(path, f"cannot be read as an ONNX graph: {str(error).partition(chr(10))[0]}") from error


def _import_onnxruntime() -> Any:
    with _silent_stderr():
        import onnxruntime
    onnxruntime.disable_telemetry_events()
    return onnxruntime


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Silence stderr while onnxruntime is imported: it looks for GPUs then and prints warnings at any log level.

    It writes to the file descriptor itself, so the descriptor is redirected.
    """
    if "onnxruntime" in sys.modules:
        yield
        return
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)

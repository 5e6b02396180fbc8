"""Validation of a fine-tuning job request, as far as a provider does it before it reads the files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from fliptrace.core.files import Json
from fliptrace.curate.training_file import TrainingFile, read_training_file
from fliptrace.fake_provider.api_errors import ApiError, invalid
from fliptrace.fake_provider.job_life import Hyperparameters, Job
from fliptrace.fake_provider.provider import FakeProvider

_MAX_SUFFIX, _MAX_PAIRS, _MAX_KEY, _MAX_VALUE = 64, 16, 64, 512  # OpenAI's API reference, create fine-tuning job
_MAX_NUMBER = 1_000_000  # of epochs, rows in a batch, times the learning rate
_EPOCHS = 3  # where `n_epochs` is "auto"


def read_job(body: Json, provider: FakeProvider) -> Job:
    """Validate a request body. ApiError where it is invalid; a job whose file has invalid content fails later."""
    model = body.get("model")
    if not isinstance(model, str):
        raise invalid("model", f"found {model!r}, expected the name of a model")
    provider.find_model(model)
    _check_is_open(model, provider)
    training_id, training = _read_file(body, "training_file", provider)
    if training is None or training_id is None:
        raise invalid("training_file", "expected the id of a file")
    validation_id, validation = _read_file(body, "validation_file", provider)
    suffix, seed = body.get("suffix") or "", body.get("seed")
    if not isinstance(suffix, str) or len(suffix) > _MAX_SUFFIX:
        raise invalid("suffix", f"expected text of at most {_MAX_SUFFIX} characters")
    if seed is not None and not (type(seed) is int and abs(seed) < 2**63):
        raise invalid("seed", f"found {seed!r}, expected an integer")
    return Job(
        id=provider.new_id("ftjob", training_id.encode()),
        model=model,
        created_at=provider.clock(),
        script=provider.job_script,
        hyperparameters=_read_hyperparameters(body, training.num_rows),
        training_id=training_id,
        training=training,
        validation_id=validation_id,
        validation=validation,
        seed=seed or 0,
        suffix=suffix,
        metadata=_read_metadata(body.get("metadata")),
    )


def _check_is_open(model: str, provider: FakeProvider) -> None:
    text = provider.shutdown_date(model)
    today = datetime.fromtimestamp(provider.clock(), UTC).date()
    if text is not None and date.fromisoformat(text) <= today:
        message = f"The model {model} was shut down on {text}; no new jobs can be made on it."
        raise ApiError(message, param="model", code="model_not_available")


def _read_file(body: Json, field: str, provider: FakeProvider) -> tuple[str | None, TrainingFile | None]:
    id = body.get(field)
    if id is None:
        return None, None
    if not isinstance(id, str):
        raise invalid(field, f"found {type(id).__name__}, expected the id of a file")
    if id not in provider.files:
        raise ApiError(f"Invalid {field}: no such file: {id}", param=field, code="file_not_found")
    min_rows = {} if field == "training_file" else {"min_rows": 1}
    return id, read_training_file(provider.files[id].content, field, **min_rows)


def _read_hyperparameters(body: Json, num_rows: int) -> Hyperparameters:
    """Return the hyperparameters of `method`, or else those of the top level. "auto" is replaced by a default."""
    method = body.get("method") or {"type": "supervised"}
    if not isinstance(method, dict) or method.get("type") != "supervised":
        raise invalid("method", f"found {method!r}, expected type 'supervised'")
    supervised = _object(method, "supervised")
    asked = _object(supervised, "hyperparameters") or _object(body, "hyperparameters")
    return Hyperparameters(
        int(_positive(asked, "n_epochs", _EPOCHS, whole=True)),
        int(_positive(asked, "batch_size", max(1, num_rows // 500), whole=True)),  # OpenAI's: 0.2% of the rows
        _positive(asked, "learning_rate_multiplier", 1.0, whole=False),
    )


def _object(table: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """Return a field that is an object; empty where it is missing."""
    value = table.get(field) or {}
    if not isinstance(value, dict):
        raise invalid(field, f"found {type(value).__name__}, expected an object")
    return value


def _positive(asked: Mapping[str, Any], name: str, auto: float, *, whole: bool) -> float:
    value = asked.get(name, "auto")
    if value in ("auto", None):
        return auto
    is_number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 < value <= _MAX_NUMBER:
        expected = f"'auto' or {'an integer' if whole else 'a number'} above 0, at most {_MAX_NUMBER:,}"
        raise invalid(name, f"found {value!r}, expected {expected}")
    return float(value)


def _read_metadata(found: Any) -> Mapping[str, str] | None:
    if found is None:
        return None
    if not isinstance(found, dict) or len(found) > _MAX_PAIRS:
        raise invalid("metadata", f"expected an object of at most {_MAX_PAIRS} pairs")
    for key, value in found.items():
        if len(key) > _MAX_KEY or not isinstance(value, str) or len(value) > _MAX_VALUE:
            raise invalid("metadata", f"{key[:_MAX_KEY]}: expected text of at most {_MAX_VALUE} characters")
    return found

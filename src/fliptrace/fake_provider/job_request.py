"""The body of a request for a fine-tuning job.

Fields and limits: https://platform.openai.com/docs/api-reference/fine-tuning/create.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from fliptrace.fake_provider.body import Body

_MAX_NUMBER = 1_000_000  # of epochs, rows in a batch, times the learning rate
_Key = Annotated[str, StringConstraints(max_length=64)]
_Value = Annotated[str, StringConstraints(max_length=512)]


class Hyperparameters(Body):
    """What a job is trained with; a `batch_size` of 0 is up to the provider."""

    n_epochs: int = Field(default=3, gt=0, le=_MAX_NUMBER)
    batch_size: int = Field(default=0, gt=0, le=_MAX_NUMBER)
    learning_rate_multiplier: float = Field(default=1.0, gt=0, le=_MAX_NUMBER)

    @model_validator(mode="before")
    @classmethod
    def _drop_auto(cls, found: Any) -> Any:
        return {name: value for name, value in found.items() if value != "auto"} if isinstance(found, dict) else found


class _Supervised(Body):
    hyperparameters: Hyperparameters = Hyperparameters()


class _Method(Body):
    type: str
    supervised: _Supervised = _Supervised()


class JobRequest(Body):
    """A request for a job. Hyperparameters of `method` take the place of those at the top."""

    model: str
    training_file: str
    validation_file: str | None = None
    suffix: str = Field(default="", max_length=64)
    seed: int = Field(default=0, gt=-(2**63), lt=2**63)
    metadata: dict[_Key, _Value] | None = Field(default=None, max_length=16)
    method: _Method = _Method(type="supervised")
    hyperparameters: Hyperparameters = Hyperparameters()

    def hyperparameters_for(self, num_rows: int) -> Hyperparameters:
        of_method = self.method.supervised.hyperparameters
        asked = of_method if of_method.model_fields_set else self.hyperparameters
        batch_size = asked.batch_size or max(1, num_rows // 500)  # OpenAI's: 0.2% of the rows
        return asked.model_copy(update={"batch_size": batch_size})

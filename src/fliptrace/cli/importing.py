"""The command `fliptrace import label-studio`: from annotations to files to train on and score with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fliptrace.cli.console import done, note
from fliptrace.core.errors import InputError

app = typer.Typer(no_args_is_help=True, help="Read labels that were made in other tools.")

EPILOG = """**Examples**

- `fliptrace import label-studio project.json --out calls` writes `calls/erc.json`, whole dialogues with emotions, and
`calls/efr.json`, a case for every flip.

- `fliptrace import label-studio project.json --out calls_train.json` writes flips there, and `calls_train_erc.json`.

- `fliptrace doctor calls`, then `fliptrace predict embedded calls/efr.json --out p.jsonl` and
`fliptrace score p.jsonl`: how well the model finds the triggers that you named.

**What counts**

- Of each task the annotation that was changed last and not skipped; never predictions.

- A flip is where a speaker's emotion differs from that of their previous utterance. Relations lead to it from its
triggers. Without relations it has none, so check the flips that no arrow points to.

- A relation that leads back in time, or to an utterance without a flip, is left out, with a note.
"""


@app.command("label-studio", epilog=EPILOG)
def label_studio(
    export: Annotated[
        Path, typer.Argument(help="A project exported in the format JSON (not JSON-MIN).", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="A folder, or the JSON file of the flips.")],
    emotion_set: Annotated[
        str | None,
        typer.Option(
            help="The emotion labels: masac8, meld7, or a TOML file with your own. Default: as the tasks say, else "
            "emotions.toml beside the export, else by the labels.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Read annotations from Label Studio, of tasks that `fliptrace export label-studio` wrote.

    Utterances without a label are unlabelled. Emotions other than MELD's and MaSaC's are declared in emotions.toml
    beside the files.
    """
    from fliptrace.corpora.corpus_writer import corpus_paths, write_corpus
    from fliptrace.corpora.label_studio import read_label_studio
    from fliptrace.corpora.own_emotions import emotion_set_called
    from fliptrace.report.wording import plural

    paths = corpus_paths(out)
    if export.resolve() in {path.resolve() for path in paths}:
        raise InputError(export, "would be replaced; expected another --out")
    known = None if emotion_set is None else emotion_set_called(emotion_set)
    file = read_label_studio(export, emotion_set=known)
    is_declared = write_corpus(file.dialogues, file.emotion_set, paths)
    for finding in file.warnings:
        note(str(finding))
    flips = [triggers for each in file.dialogues for triggers in each.triggers.values()]
    done(f"{paths.erc}: {plural(len(file.dialogues), 'dialogue')}")
    done(f"{paths.efr}: {plural(len(flips), 'flip')}, {sum(not triggers for triggers in flips):,} without a trigger")
    if is_declared:
        done(f"{paths.emotions}: the emotions {', '.join(file.emotion_set.labels)}")

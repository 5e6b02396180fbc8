"""What the model cards share: the table of data sets with their licences, names of sets, figures as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fliptrace.core.files import Json
from fliptrace.corpora.catalog import CATALOG, DataSet
from fliptrace.report.wording import count, decimals, interval
from fliptrace.training.measured_sets import HELD_OUT

CARD, LICENCE = "MODEL_CARD.md", "LICENSE.weights"
_NAMES = {
    "meld-fr:val": "MELD-FR val",
    "masac-fr:val": "MaSaC-FR val, official split",
    HELD_OUT: "MaSaC-FR, held-out dialogues",
    "meld:val": "MELD dev",
    "masac-erc:val": "MaSaC ERC val",
}
_AUTHORS = {
    "meld-fr": "Kumar et al. 2022, 2024",
    "masac-fr": "Kumar et al. 2022, 2024; Bedi et al. 2021",
    "masac-erc": "Kumar et al. 2024; Bedi et al. 2021",
    "meld": "Poria et al. 2019",
    "emorynlp": "Zahiri and Choi 2018",
    "goemotions-ekman": "Demszky et al. 2020",
}


def card_environment(templates: Path) -> Environment:
    """The environment of a card's template, with filters for figures, counts, names and intervals."""
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=False,  # the output is Markdown, from our own figures
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "figure": decimals,
        "count": count,
        "named": named,
        "code": lambda name: f"`{name}`",
        "ends": interval,
        "f1": with_interval,
    }
    return environment


def data_sets(recipe: Json) -> list[Json]:
    """Return the data sets of a recipe, in its order, each with its roles."""
    part = recipe["data"]
    roles = {
        "triggers, trained on": part["train"],
        "emotions, trained on": part["emotions"],
        "threshold chosen on, triggers measured on": part["val"],
        "emotions calibrated and measured on": part["emotion_val"],
        "its dialogues trained on nowhere": part["hold_out"],
    }
    found: dict[str, list[str]] = {}
    for role, refs in roles.items():
        for ref in refs:
            name, _, split = ref.partition(":")
            found.setdefault(name, []).append(f"{split}: {role}" if split else role)
    return [_describe(name, used) for name, used in found.items()]


def _describe(name: str, roles: Sequence[str]) -> Json:
    known = CATALOG.get(name)
    if known is None:
        own = {"description": "of one's own", "authors": "", "licence": "unknown", "source": ""}
        return {"name": name, "roles": roles, **own}
    return {
        "name": name,
        "description": known.description,
        "authors": _AUTHORS[name],
        "roles": roles,
        "licence": known.licence,
        "source": _repository(known),
    }


def _repository(data_set: DataSet) -> str:
    """Return the URL of the GitHub repository that publishes the files."""
    owner, repository = urlsplit(data_set.files[0].url).path.split("/")[1:3]
    return f"https://github.com/{owner}/{repository}"


def named(name: str) -> str:
    return _NAMES.get(name, name)


def with_interval(row: Json, name: str) -> str:
    return f"{decimals(row[name])} {interval(row['interval'])}"

"""Renders the model card of the shipped model from the figures of pack.py and the list of its files.

It fits this model only: the template states its purpose and its limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fliptrace.core.emotion_sets import MASAC8
from fliptrace.core.files import Json
from fliptrace.corpora.catalog import CATALOG, DataSet
from fliptrace.report.wording import count, decimals
from fliptrace.training.measured_sets import HELD_OUT
from tools.mini.word_baselines import UNION

CARD, LICENCE = "MODEL_CARD.md", "LICENSE.weights"
_TEMPLATES = Path(__file__).parent / "templates"
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
_RULES = ("previous", "previous-or-self", "previous-plus-self")
_MIN_GOLD = 20  # F1 of an emotion with fewer gold utterances says nothing
_NUM_WEAKEST = 3


def weights_licence() -> str:
    """Return the licence of the weights, which is not that of the code."""
    return (_TEMPLATES / "weights_licence.txt").read_text(encoding="utf-8")


def render_card(figures: Json, files: Sequence[Json]) -> str:
    """Render the card as Markdown; `files` are all other files of the model, with `name`, `num_bytes` and `sha256`."""
    recipe = figures["recipe"]
    text = (
        _environment()
        .get_template("model_card.md")
        .render(
            figures=figures,
            files=files,
            num_bytes=sum(file["num_bytes"] for file in files),
            emotion_set=MASAC8,
            data_sets=data_sets(recipe),
            files_of_data={**figures["data"]["files"], **figures["data"].get("emotion_files", {})},
            holds_out=recipe["data"]["hold_out"],
            size=recipe["base"]["scratch"],
            prompt=recipe["prompt"],
            soft={kind: recipe["curate"][f"soft_{kind}"] for kind in ("triggers", "emotions")},
            emotion_view=_emotion_view(recipe["prompt"]["emotion_window"] or recipe["prompt"]["window"]),
            rules=_RULES,
            words=_word_counts(figures["emotions"]),
            weakest=_weakest(figures["emotions"]),
        )
    )
    return text.strip() + "\n"


def data_sets(recipe: Json) -> list[Json]:
    """Return the data sets of a recipe, in its order, each with its roles."""
    part = recipe["data"]
    roles = {
        "triggers, trained on": part["train"],
        "emotions, trained on": part["emotions"],
        "threshold chosen on, triggers measured on": part["val"],
        "emotions measured on": part["emotion_val"],
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


def _emotion_view(window: int) -> str:
    if window == 1:
        return "an emotion with its utterance alone"
    return f"an emotion with the last {window} utterances"


def _word_counts(emotions: Json) -> list[Json]:
    """Return a row for word counts fitted on a set's own corpus and one on all files, each with its better weight."""

    def best(row: Json, is_union: bool) -> Json | None:
        fits = [r for r in row["word_counts"] if (r["fitted_on"] == UNION) == is_union]
        return max(fits, key=lambda r: float(r["weighted_f1"]), default=None)

    lines = []
    for name, is_union in (("its own training file", False), (UNION, True)):
        rows = [best(row, is_union) for row in emotions.values()]
        if rows and all(rows):
            lines.append({"name": name, "rows": rows})
    return lines


def _weakest(emotions: Json) -> str:
    """Describe the emotions with the lowest F1 in each set."""
    sentences = []
    for name, row in emotions.items():
        labels = {label: r["f1"] for label, r in row["by_label"].items() if r["num_gold"] >= _MIN_GOLD}
        worst = sorted(labels, key=lambda label: float(labels[label]))[:_NUM_WEAKEST]
        sentences.append(f"{named(name)}: {', '.join(f'{label} {decimals(labels[label])}' for label in worst)}")
    return (
        f"rare emotions are where it is weakest (F1 on {'; on '.join(sentences)})."
        if sentences
        else "rare ones suffer."
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
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
        "ends": _ends,
        "f1": with_interval,
        "spread": _spread,
        "of_label": _of_label,
        "best_rule": _best_rule,
        "shared": _shared,
    }
    return environment


def named(name: str) -> str:
    return _NAMES.get(name, name)


def _ends(interval: Sequence[float] | None) -> str:
    return "[single group]" if interval is None else f"[{interval[0]:.3f}, {interval[1]:.3f}]"


def with_interval(row: Json, name: str) -> str:
    return f"{decimals(row[name])} {_ends(row['interval'])}"


def _spread(row: Mapping[str, float | None]) -> str:
    """Format a mean with its standard deviation over seeds.

    >>> _spread({"mean": 0.7412, "sd": 0.0061}), _spread({"mean": 0.7412, "sd": None})
    ('0.741 ± 0.006', '0.741')
    """
    return decimals(row["mean"]) + ("" if row["sd"] is None else f" ± {row['sd']:.3f}")


def _of_label(row: Json | None) -> str:
    return "–" if row is None else f"{decimals(row['f1'])} ({count(row['num_gold'])})"


def _best_rule(row: Json) -> str:
    """Describe the rule with the best F1 on the flips found end to end."""
    rules = row["end_to_end"]["baselines"]
    name = max(rules, key=lambda rule: float(rules[rule]["trigger_f1"] or 0))
    return f"{with_interval(rules[name], 'trigger_f1')} ({name})"


def _shared(row: Json) -> str:
    """Describe what a set shares with the training cases, and with all training data."""
    cases, everything = row.get("shared_with_training_cases"), row["shared_with_all_training"]
    if everything["num_touched"] == 0:
        return "nothing"
    in_all = f"emotions included, {count(everything['num_touched'])} of {count(everything['num_evaluation'])} do"
    return f"{cases['told']}; {in_all}" if cases else in_all

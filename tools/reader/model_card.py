"""Renders the model card and the licences of the shipped reader, from the figures of pack.py and the list of its files.

It fits this model only: the template states its purpose and its limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from fliptrace.core.emotion_sets import MASAC8
from fliptrace.core.files import Json
from fliptrace.report.wording import count, decimals
from tools.encoder_base.origin import PUBLISHED
from tools.measuring.cards import LICENCE, card_environment, data_sets, named, with_interval
from tools.measuring.word_baselines import UNION

NOTICE = "NOTICE.multilingual-e5-small"
_TEMPLATES = Path(__file__).parent / "templates"
_RULES = ("previous", "previous-or-self", "previous-plus-self")
_MIN_GOLD = 20  # F1 of an emotion with fewer gold utterances says nothing
_NUM_WEAKEST = 3


def licences() -> dict[str, str]:
    """The terms of the weights, which are not those of the code, and the notice of the base, by name of their file."""
    notice = card_environment(_TEMPLATES).get_template("base_notice.txt").render(wheel=PUBLISHED)
    return {LICENCE: (_TEMPLATES / "weights_licence.txt").read_text(encoding="utf-8"), NOTICE: notice}


def render_card(figures: Json, files: Sequence[Json]) -> str:
    """Render the card as Markdown; `files` are all other files of the model, with `name`, `num_bytes` and `sha256`."""
    environment = card_environment(_TEMPLATES)
    environment.filters |= {"of_label": _of_label, "best_rule": _best_rule, "shared": _shared, "percent": _percent}
    text = environment.get_template("model_card.md").render(
        figures=figures,
        files=files,
        num_bytes=sum(file["num_bytes"] for file in files),
        notice=NOTICE,
        recipe=figures["recipe"],
        emotion_set=MASAC8,
        data_sets=data_sets(figures["recipe"]),
        files_of_data={**figures["data"]["files"], **figures["data"].get("emotion_files", {})},
        context=figures["recipe"]["layers"]["num_layers"] * figures["recipe"]["layers"]["reach"],
        rules=_RULES,
        words=_word_counts(figures["emotions"]),
        weakest=_weakest(figures["emotions"]),
    )
    return text.strip() + "\n"


def _word_counts(emotions: Json) -> list[Json]:
    """Return a row for word counts fitted on a set's own corpus and one on all files, each with its better weight."""

    def best(row: Json, is_union: bool) -> Json | None:
        fitted = [words for words in row["word_counts"] if (words["fitted_on"] == UNION) == is_union]
        return max(fitted, key=lambda words: float(words["weighted_f1"]), default=None)

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
        if worst:
            sentences.append(f"{named(name)}: {', '.join(f'{label} {decimals(labels[label])}' for label in worst)}")
    return f"F1 on {'; on '.join(sentences)}" if sentences else "too few were measured to say which"


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


def _percent(row: Mapping[str, float | None]) -> str:
    """A row of coverage: the accuracy, and the share of the utterances that it is of.

    >>> _percent({"share_kept": 0.804, "accuracy_kept": 0.625})
    '62% of 80%'
    """
    return "–" if row["accuracy_kept"] is None else f"{row['accuracy_kept']:.0%} of {row['share_kept']:.0%}"

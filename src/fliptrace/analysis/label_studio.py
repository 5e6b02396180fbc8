"""Writes analyses as tasks for Label Studio, with the emotions and triggers found as predictions to correct.

Each utterance is one region with its emotion, and a relation leads from each trigger of a flip to the flip's target.
corpora/label_studio.py reads the annotations back. Offsets count UTF-16 code units, as JavaScript does.

Sources: https://labelstud.io/tags/paragraphs, https://labelstud.io/guide/predictions, and Label Studio's editor for
relations and for the types of fields (web/libs/editor/src/regions/ParagraphsRegion.js).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fliptrace.analysis.emotion_palette import emotion_palette
from fliptrace.analysis.result import Analysis
from fliptrace.analysis.values import AnalysisValues
from fliptrace.core.dialogue import Utterance
from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, read_json, read_text
from fliptrace.core.flips import find_flips
from fliptrace.corpora.label_studio_tasks import DIALOGUE, EMOTION, EMOTION_SET, SPEAKER, TEXT, TRANSCRIPT, TRIGGERS
from fliptrace.corpora.own_emotions import check_own_labels

_HINT = (
    "Label every utterance with one emotion. Draw a relation from each trigger to the utterance where an emotion flips."
)
_COLOURS: Mapping[str, str] = {  # the hues of emotion_palette.py, in the colours of templates/page.css
    "grey": "#8f939a",
    "red": "#b8402c",
    "amber": "#e3ac42",
    "blue": "#3a6da6",
    "violet": "#76509f",
    "green": "#567a28",
    "teal": "#137c86",
    "plum": "#a0406e",
    "orange": "#b0561c",
}


class Unshown(NamedTuple):
    """What the predictions of an analysis leave out, since annotators see flips by the labels alone.

    `num_equal` are flips between utterances with the same label, `num_unreported` changes of labels that are too
    improbable to be reported as flips: they have no triggers.
    """

    num_equal: int
    num_unreported: int


def read_analysis(path: Path) -> Analysis | None:
    """Read what `fliptrace analyze --json` wrote; None if the file is something else, such as a transcript."""
    try:
        value = read_json(path) if path.is_file() and read_text(path).lstrip().startswith("{") else None
    except InputError:
        return None
    if not isinstance(value, dict) or not str(value.get("schema")).startswith("fliptrace.analysis"):
        return None
    try:
        return Analysis.from_json(value)
    except InputError as error:
        raise InputError(path, str(error)) from error


def label_studio_task(analysis: AnalysisValues) -> Json:
    """A task to import into a project with `label_studio_config`."""
    dialogue, emotions = analysis.dialogue, analysis.dialogue.emotion_set
    regions = [_region(i, *row) for i, row in enumerate(zip(dialogue.utterances, analysis.emotion_scores, strict=True))]
    scores = [region["score"] for region in regions if "score" in region]
    prediction: Json = {"model_version": analysis.model, "result": [*regions, *_relations(analysis)]}
    if scores:
        prediction["score"] = round(sum(scores) / len(scores), 4)
    return {
        "data": {
            TRANSCRIPT: dialogue.id,
            EMOTION_SET: {"name": emotions.name, "labels": list(emotions.labels), "neutral": emotions.neutral},
            DIALOGUE: [_line(utterance) for utterance in dialogue.utterances],
        },
        "predictions": [prediction],
    }


def label_studio_config(emotion_set: EmotionSet) -> str:
    """The labelling config of a project: the dialogue, a label for every emotion, and relations called triggers.

    InputError if a label is not made of words, which Label Studio or an import could read as something else.
    """
    check_own_labels(list(emotion_set.labels), f"emotion set {emotion_set.name!r}")
    view = ET.Element("View")
    ET.SubElement(view, "Header", value=_HINT, size="5")
    ET.SubElement(ET.SubElement(view, "Relations"), "Relation", value=TRIGGERS)
    labels = ET.SubElement(view, "ParagraphLabels", name=EMOTION, toName=DIALOGUE, choice="single", showInline="true")
    for label, sign in emotion_palette(emotion_set.labels).items():
        ET.SubElement(labels, "Label", value=label, background=_COLOURS[sign.hue])
    shown = {"name": DIALOGUE, "value": f"${DIALOGUE}", "layout": "dialogue", "nameKey": SPEAKER, "textKey": TEXT}
    ET.SubElement(view, "Paragraphs", shown)
    ET.indent(view)
    return ET.tostring(view, encoding="unicode") + "\n"


def common_emotion_set(analyses: Sequence[AnalysisValues]) -> EmotionSet:
    """The emotion set of all analyses; InputError if they differ, since a project has one."""
    first = analyses[0].dialogue
    for dialogue in (analysis.dialogue for analysis in analyses):
        if dialogue.emotion_set.labels != first.emotion_set.labels:
            raise InputError(
                dialogue.id,
                f"emotions {', '.join(dialogue.emotion_set.labels)}; expected those of {first.id}: "
                f"{', '.join(first.emotion_set.labels)}",
            )
    return first.emotion_set


def unshown(analysis: AnalysisValues) -> Unshown:
    """Count what annotators do not see of the flips of an analysis."""
    by_labels = {flip.target for flip in find_flips(analysis.dialogue)}
    reported = {found.flip.target for found in analysis.flips}
    return Unshown(len(reported - by_labels), len(by_labels - reported))


def _line(utterance: Utterance) -> Json:
    times = {"start": utterance.start, "end": utterance.end}
    return {SPEAKER: utterance.speaker, TEXT: utterance.text} | {
        name: seconds for name, seconds in times.items() if seconds is not None
    }


def _region(index: int, utterance: Utterance, scores: Mapping[str, float] | None) -> Json:
    region: Json = {
        "id": _region_id(index),
        "from_name": EMOTION,
        "to_name": DIALOGUE,
        "type": "paragraphlabels",
        "value": {
            "start": str(index),
            "end": str(index),
            "startOffset": 0,
            "endOffset": len(utterance.text.encode("utf-16-le", "surrogatepass")) // 2,
            "text": utterance.text,
            "paragraphlabels": [utterance.emotion],
        },
    }
    if scores is not None:
        region["score"] = scores.get(utterance.emotion or "", 0.0)
    return region


def _relations(analysis: AnalysisValues) -> Iterator[Json]:
    """A relation for every trigger of the flips that the labels show."""
    by_labels = {flip.target for flip in find_flips(analysis.dialogue)}
    for found in analysis.flips:
        for trigger in sorted(found.triggers) if found.flip.target in by_labels else ():
            yield {
                "type": "relation",
                "from_id": _region_id(trigger),
                "to_id": _region_id(found.flip.target),
                "direction": "right",
                "labels": [TRIGGERS],
            }


def _region_id(index: int) -> str:
    return f"utterance-{index}"

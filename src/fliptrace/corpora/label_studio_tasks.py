"""The annotated tasks in a JSON export of Label Studio: their utterances, labelled regions and relations, checked.

Not here: what the labels mean for emotions and flips (label_studio.py).

Format: https://labelstud.io/guide/task_format and https://labelstud.io/tags/paragraphs; relations as Label Studio's
editor writes them (web/libs/editor/src/stores/RelationStore.js). Its other formats, such as JSON-MIN, are not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from fliptrace.core.emotion_sets import EmotionSet
from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, read_json
from fliptrace.corpora.findings import FindingLog

# The names of the labelling config: the tags of the dialogue and its emotions, the relation, and the keys of a line.
DIALOGUE, EMOTION, TRIGGERS = "dialogue", "emotion", "triggers"
SPEAKER, TEXT = "speaker", "text"
EMOTION_SET, TRANSCRIPT = "emotion_set", "transcript"  # more fields of a task's data

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Region:
    """A labelled stretch of a dialogue. `label` is None if the annotator removed it."""

    utterances: range
    label: str | None


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation from the region of a trigger to that of a target."""

    trigger: Region
    target: Region


@dataclass(frozen=True, slots=True)
class Task:
    """An annotated task. `where` is its name in findings, `place` its name in errors."""

    where: str
    place: str
    transcript: str
    lines: tuple[Json, ...]
    emotion_set: EmotionSet | None
    regions: tuple[Region, ...]
    relations: tuple[Relation, ...]


def read_tasks(path: Path, log: FindingLog) -> list[Task]:
    """Read the tasks that have an annotation; InputError names the first one that is malformed.

    Of several annotations the one that was changed last counts. Tasks that were skipped or never annotated are left
    out, and logged.
    """
    values = read_json(path)
    if not isinstance(values, list):
        raise InputError(path, f"found {_kind(values)}; expected the list of tasks that Label Studio exports as JSON")
    tasks = (_task(value, position, path, log) for position, value in enumerate(values))
    annotated = [task for task in tasks if task is not None]
    if not annotated:
        raise InputError(path, f"no annotation in {len(values):,} tasks; expected tasks that were submitted")
    return annotated


def _task(value: object, position: int, path: Path, log: FindingLog) -> Task | None:
    is_numbered = isinstance(value, dict) and isinstance(value.get("id"), int)
    where = f"task {value['id']}" if is_numbered else f"task at position {position}"  # type: ignore[index]
    place = f"{path.name} {where}"
    fields = _object(value, place, "a task")
    data, annotations = fields.get("data"), fields.get("annotations")
    if not isinstance(data, dict) or not isinstance(annotations, list):
        raise InputError(place, "no 'data' or no list 'annotations'; expected the export format JSON, not JSON-MIN")
    annotation = _last_annotation([_object(each, place, "an annotation") for each in annotations], where, log)
    if annotation is None:
        return None
    lines, results = data.get(DIALOGUE), annotation.get("result")
    if not isinstance(lines, list) or not lines:
        raise InputError(place, f"found {_kind(lines)} for {DIALOGUE!r} of its data; expected a list of utterances")
    if not isinstance(results, list):
        raise InputError(place, f"found {_kind(results)} for 'result' of its annotation; expected a list")
    reader = _ResultReader(where, place, len(lines), log)
    for result in (_object(each, place, "a result") for each in results):
        reader.add(result)
    return Task(
        where,
        place,
        str(data.get(TRANSCRIPT) or where),
        tuple(_object(line, place, "an utterance") for line in lines),
        _emotion_set(data.get(EMOTION_SET), place),
        tuple(reader.regions.values()),
        tuple(reader.relations()),
    )


def _last_annotation(annotations: list[Json], where: str, log: FindingLog) -> Json | None:
    """The annotation that was changed last; None if there is none, or only skipped ones."""
    kept = [each for each in annotations if not each.get("was_cancelled")]
    if not kept:
        kind, what = ("skipped", "skipped") if annotations else ("no-annotation", "without an annotation")
        log.warn(where, kind, f"{what}, left out")
        return None
    if len(kept) > 1:
        log.warn(where, "several-annotations", f"{len(kept)} annotations; the last one counts")
    return sorted(kept, key=_changed)[-1]


def _changed(annotation: Json) -> datetime:
    """When an annotation was changed; long ago if it does not say, so that the order in the file counts."""
    try:
        changed = datetime.fromisoformat(str(annotation.get("updated_at")))
    except ValueError:
        return _NEVER
    return changed if changed.tzinfo else changed.replace(tzinfo=UTC)


def _emotion_set(named: object, place: str) -> EmotionSet | None:
    """The emotion set that a task names; None if it names none."""
    if named is None:
        return None
    fields = _object(named, place, f"{EMOTION_SET!r} of its data")
    labels, neutral = fields.get("labels"), fields.get("neutral")
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in [*labels, neutral or ""]):
        raise InputError(place, f"found {labels!r} for the labels of its emotion set; expected a list of names")
    try:
        return EmotionSet(str(fields.get("name")), tuple(labels), neutral)
    except ValueError as error:
        raise InputError(place, str(error)) from error


@dataclass(slots=True)
class _ResultReader:
    """Collects the regions of one annotation, by id, and then its relations, which may come before their regions."""

    where: str
    place: str
    num_utterances: int
    log: FindingLog
    regions: dict[str, Region] = field(default_factory=dict)
    _others: set[str] = field(default_factory=set)  # ids of what other controls made
    _relations: list[Json] = field(default_factory=list)

    def add(self, result: Json) -> None:
        if result.get("type") == "relation":
            self._relations.append(result)
            return
        region_id = str(result.get("id"))
        if result.get("from_name") != EMOTION:
            self._others.add(region_id)
            self.log.warn(self.where, "other-label", f"labels of {result.get('from_name')!r}, ignored")
            return
        place = f"{self.place} region {region_id!r}"
        value = _object(result.get("value"), place, "its value")
        first, last = (_position(value.get(name), name, self.num_utterances, place) for name in ("start", "end"))
        if last < first:
            raise InputError(place, f"it ends at utterance {last}; expected one from {first}, where it starts")
        if region_id in self.regions:
            raise InputError(place, "its id occurs twice; expected one of its own")
        self.regions[region_id] = Region(range(first, last + 1), _label(value, place))

    def relations(self) -> Iterator[Relation]:
        """The relations between regions that are, or may be, called triggers."""
        for relation in self._relations:
            labels, direction = relation.get("labels") or [], relation.get("direction", "right")
            if not isinstance(labels, list) or direction not in ("left", "right", "bi"):
                raise InputError(self.place, f"a relation with direction {direction!r}; expected left, right or bi")
            start, end = (self._region(relation, name) for name in ("from_id", "to_id"))
            if start is None or end is None or (labels and TRIGGERS not in labels):
                self.log.warn(self.where, "other-relation", f"a relation other than {TRIGGERS!r}, ignored")
                continue
            is_early_end = direction == "bi" and end.utterances.start < start.utterances.start
            yield Relation(end, start) if direction == "left" or is_early_end else Relation(start, end)

    def _region(self, relation: Json, name: str) -> Region | None:
        """The region at one end of a relation; None if another control made it."""
        region_id = str(relation.get(name))
        if region_id not in self.regions and region_id not in self._others:
            raise InputError(self.place, f"a relation has the {name} {region_id!r}; expected that of a region")
        return self.regions.get(region_id)


def _label(value: Mapping[str, object], place: str) -> str | None:
    labels = value.get("paragraphlabels", [])
    if "paragraphlabels" not in value and "labels" in value:
        raise InputError(place, "found 'labels' in its value; expected 'paragraphlabels'")
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels) or len(labels) > 1:
        raise InputError(place, f"found {labels!r} for 'paragraphlabels'; expected one emotion")
    return labels[0] if labels else None


def _position(value: object, name: str, num_utterances: int, place: str) -> int:
    """The utterance at which a region starts or ends. Label Studio's editor writes it as a string."""
    position = int(value) if isinstance(value, int | str) and str(value).isdecimal() and len(str(value)) < 10 else -1
    if not 0 <= position < num_utterances:
        raise InputError(place, f"{name!r} is {value!r}; expected a position in {num_utterances} utterances, from 0")
    return position


def _object(value: object, place: str, what: str) -> Json:
    if not isinstance(value, dict):
        raise InputError(place, f"found {_kind(value)} for {what}; expected an object")
    return value


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__

"""Reads dialogues with three graphs: of utterances, of a dialogue, of the triggers of its flips.

What an utterance says is read once, however many dialogues and cases it stands in. A state depends on what came before
it only, so the cases of a dialogue share its states, and a long dialogue is read in blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.emotion_sets import EMORYNLP7, EmotionSet, to_masac8
from fliptrace.core.errors import InputError
from fliptrace.core.flips import FlipCase
from fliptrace.corpora.longest_prefixes import find_longest_prefixes
from fliptrace.models.base import Model
from fliptrace.models.encoder.config import DIALOGUE, TOKENIZER, TRIGGERS, UTTERANCES, EncoderConfig
from fliptrace.models.encoder.trigger_inputs import TriggerInputs, join, move, trigger_inputs
from fliptrace.models.graphs import num_cpus, open_graph, open_tokenizer
from fliptrace.models.known_words import KnownWords

PASS_TOKENS = 512  # of one forward pass of the utterance encoder, padding included
BLOCK = 128  # utterances of a dialogue in one pass, in addition to those that their states depend on
CASES_AT_ONCE = 256
_MOST_WORKERS = 8
_NUM_VECTORS, _NUM_READINGS = 20_000, 64  # remembered, the latest; 30 MB of vectors

Floats = NDArray[np.float32]
_Said = tuple[tuple[str, ...], tuple[str, ...]]  # the texts of a dialogue and their speakers
Key = TypeVar("Key")
Value = TypeVar("Value")


class Graphs(NamedTuple):
    """The parts of an encoder model.

    utterances: (ids, mask), each (utterances, time) -> vectors (utterances, hidden). dialogue: (vectors, speakers) of
    one dialogue -> logits of emotions (utterances, labels), states (utterances, width). triggers: (states, emotions,
    inputs) of one dialogue -> logits (flips, window).
    """

    utterances: Callable[[NDArray[np.int64], NDArray[np.int64]], Floats]
    dialogue: Callable[[Floats, NDArray[np.int64]], tuple[Floats, Floats]]
    triggers: Callable[[Floats, Floats, TriggerInputs], Floats]


class Reading(NamedTuple):
    """What was read of a dialogue: the probabilities of emotions (utterances, labels), states (utterances, width)."""

    emotions: Floats
    states: Floats


class _Local(NamedTuple):
    """The states and emotions that a flip's triggers depend on, its source first, and its candidates among them."""

    states: Floats
    emotions: Floats
    inputs: TriggerInputs


class EncoderReader:
    """A DialogueReader over graphs. It remembers the vectors and readings it made last.

    `words` are those that it was trained on, None where that was not noted.
    """

    def __init__(
        self, name: str, config: EncoderConfig, tokenizer: Any, graphs: Graphs, words: KnownWords | None = None
    ) -> None:
        self.name = name
        self.config = config
        self.graphs = graphs
        self.words = words
        self._tokenizer = tokenizer
        self._tokenizer.enable_truncation(config.max_tokens)
        self._vectors: dict[str, Floats] = {}
        self._readings: dict[_Said, Reading] = {}

    def as_model(self) -> Model:
        return Model(self.name, reader=self, words=self.words)

    @property
    def context(self) -> int:
        """See DialogueReader."""
        return self.config.context

    @property
    def window(self) -> int:
        """See DialogueReader."""
        return self.config.window

    def read_emotions(self, dialogues: Sequence[Dialogue]) -> Iterator[Floats]:
        """See DialogueReader. InputError if the model does not know a label of a dialogue's emotion set."""
        columns = {dialogue.emotion_set: self._columns(dialogue.emotion_set) for dialogue in dialogues}
        for dialogue, reading in zip(dialogues, self.read(dialogues), strict=True):
            scores = reading.emotions[:, columns[dialogue.emotion_set]]
            yield scores / scores.sum(1, keepdims=True)

    def support_triggers(self, cases: Sequence[FlipCase]) -> list[tuple[float, ...]]:
        """See DialogueReader. An emotion that the case does not give is the model's own."""
        distinct = {id(case.dialogue): case for case in cases}  # all flips of an analysis are in one dialogue
        longest = dict(zip(distinct, find_longest_prefixes(list(distinct.values())), strict=True))
        read = list({dialogue.id: dialogue for dialogue in longest.values()}.values())
        readings = {dialogue.id: reading for dialogue, reading in zip(read, self.read(read), strict=True)}
        speakers = {key: case.dialogue.speakers for key, case in distinct.items()}
        keys = [id(case.dialogue) for case in cases]
        local = [
            self._local(case, speakers[key], readings[longest[key].id]) for case, key in zip(cases, keys, strict=True)
        ]
        supports: list[tuple[float, ...]] = []
        for start in range(0, len(cases), CASES_AT_ONCE):
            part = slice(start, start + CASES_AT_ONCE)
            supports += self._supports(cases[part], local[part])
        return supports

    def find_overlong(self, dialogues: Sequence[Dialogue]) -> list[frozenset[int]]:
        """See DialogueReader."""
        texts = sorted({each.text for dialogue in dialogues for each in dialogue.utterances})
        encoded = self._tokenizer.encode_batch([self.config.prefix + text for text in texts])
        overlong = {text for text, each in zip(texts, encoded, strict=True) if each.overflowing}
        return [
            frozenset(i for i, each in enumerate(dialogue.utterances) if each.text in overlong)
            for dialogue in dialogues
        ]

    def forget(self) -> None:
        """See DialogueReader."""
        self._vectors.clear()
        self._readings.clear()

    def read(self, dialogues: Sequence[Dialogue]) -> Iterator[Reading]:
        """Emotions and states of every dialogue, in order."""
        said = [(tuple(each.text for each in dialogue.utterances), dialogue.speakers) for dialogue in dialogues]
        known = {key: self._readings[key] for key in said if key in self._readings}
        vectors = self.encode({text for key in said if key not in known for text in key[0]})
        for key in said:
            reading = known.get(key)
            if reading is None:
                reading = self._read_vectors(np.stack([vectors[text] for text in key[0]]), key[1])
                _remember(self._readings, {key: reading}, _NUM_READINGS)
            yield reading

    def encode(self, texts: Set[str]) -> Mapping[str, Floats]:
        """The vector of every text, (hidden,)."""
        new = sorted(texts - self._vectors.keys())
        encoded = self._tokenizer.encode_batch([self.config.prefix + text for text in new])
        ids = {text: each.ids for text, each in zip(new, encoded, strict=True)}
        batches = list(_batches(ids))
        with ThreadPoolExecutor(max(1, min(num_cpus(), _MOST_WORKERS, len(batches)))) as pool:
            passes = pool.map(lambda batch: self.graphs.utterances(*_pad([ids[text] for text in batch])), batches)
            made = {
                text: row
                for batch, rows in zip(batches, passes, strict=True)
                for text, row in zip(batch, rows, strict=True)
            }
        found = made | {text: self._vectors[text] for text in texts - made.keys()}
        _remember(self._vectors, made, _NUM_VECTORS)
        return found

    def _read_vectors(self, vectors: Floats, speakers: Sequence[str]) -> Reading:
        numbers = {speaker: number for number, speaker in enumerate(dict.fromkeys(speakers))}
        codes = np.array([numbers[speaker] for speaker in speakers], dtype=np.int64)
        logits: list[Floats] = []
        states: list[Floats] = []
        for start in range(0, len(vectors), BLOCK):
            first = max(0, start - self.config.context)
            block = slice(first, start + BLOCK)
            for kept, rows in zip((logits, states), self.graphs.dialogue(vectors[block], codes[block]), strict=True):
                kept.append(rows[start - first :])
        return Reading(softmax(np.concatenate(logits)), np.concatenate(states))

    def _supports(self, cases: Sequence[FlipCase], local: Sequence[_Local]) -> Iterator[tuple[float, ...]]:
        sizes = np.cumsum([0, *(len(each.states) for each in local[:-1])])
        inputs = join([move(each.inputs, int(by)) for each, by in zip(local, sizes, strict=True)])
        states, emotions = (np.concatenate([each[part] for each in local]) for part in (0, 1))
        logits = self.graphs.triggers(states, emotions, inputs).astype(np.float64)
        for case, row, shown in zip(cases, 1 / (1 + np.exp(-logits)), inputs.shown, strict=True):
            after = len(case.dialogue) - case.flip.target - 1
            before = len(case.dialogue) - after - int(shown.sum())
            yield (*(0.0,) * before, *row[shown].tolist(), *(0.0,) * after)  # one 0.0 in memory, however long

    def _local(self, case: FlipCase, speakers: Sequence[str], reading: Reading) -> _Local:
        """Source and candidates of a case as a dialogue of their own: a flip costs the same however long it is."""
        dialogue, flip = case.dialogue, case.flip
        inputs = trigger_inputs(speakers, [flip], self.config.window)
        first = max(0, flip.target + 1 - self.config.window)
        members = [flip.source, *range(first, flip.target + 1)]
        emotions = reading.emotions[members]
        for row, place in enumerate(members):
            emotion = dialogue.utterances[place].emotion
            if emotion is not None:
                emotions[row] = np.eye(len(self.config.labels))[self._column(emotion, dialogue.emotion_set)]
        placed = move(inputs, 1 - first)._replace(sources=np.zeros(1, dtype=np.int64))
        return _Local(reading.states[members], emotions, placed)

    def _columns(self, emotion_set: EmotionSet) -> list[int]:
        return [self._column(label, emotion_set) for label in emotion_set.labels]

    def _column(self, label: str, emotion_set: EmotionSet) -> int:
        known = to_masac8(label, emotion_set) if emotion_set == EMORYNLP7 else label
        if known not in self.config.labels:
            raise InputError(
                self.name, f"does not know {label!r} of {emotion_set.name}; it labels {', '.join(self.config.labels)}"
            )
        return self.config.labels.index(known)


def load_reader(folder: Path, name: str) -> EncoderReader:
    """Load what training/encoder/export.py wrote. InputError if files are missing or cannot be read."""
    config = EncoderConfig.read(folder)
    utterances, dialogue, triggers = (open_graph(folder / file) for file in (UTTERANCES, DIALOGUE, TRIGGERS))

    def run_dialogue(vectors: Floats, speakers: NDArray[np.int64]) -> tuple[Floats, Floats]:
        logits, states = _run(dialogue, name, {"vectors": vectors[None], "speakers": speakers[None]})
        return logits[0], states[0]

    graphs = Graphs(
        lambda ids, mask: _run(utterances, name, {"ids": ids, "mask": mask})[0],
        run_dialogue,
        lambda states, emotions, inputs: _run(
            triggers, name, {"states": states, "emotions": emotions} | inputs._asdict()
        )[0],
    )
    return EncoderReader(name, config, open_tokenizer(folder / TOKENIZER), graphs, KnownWords.read(folder))


def _run(session: Any, name: str, feed: Mapping[str, NDArray[Any]]) -> list[Floats]:
    """InputError where the graph is not one of ours."""
    try:
        found: list[Floats] = session.run(None, feed)
    except Exception as error:  # onnxruntime's exceptions have no narrower common base
        raise InputError(name, f"its graph cannot be run: {str(error).partition(chr(10))[0]}") from error
    if any(not np.isfinite(rows).all() for rows in found):
        raise InputError(name, "its graph gives values that are no numbers; expected finite ones")
    return found


def _remember(kept: dict[Key, Value], new: Mapping[Key, Value], most: int) -> None:
    """Add entries, and drop the oldest beyond `most`."""
    kept.update(new)
    for key in list(kept)[: max(0, len(kept) - most)]:
        del kept[key]


def _batches(ids: Mapping[str, Sequence[int]]) -> Iterator[list[str]]:
    """Group texts of similar length, the longest first."""
    batch: list[str] = []
    for text in sorted(ids, key=lambda text: (-len(ids[text]), text)):
        if batch and (len(batch) + 1) * len(ids[batch[0]]) > PASS_TOKENS:
            yield batch
            batch = []
        batch.append(text)
    if batch:
        yield batch


def _pad(rows: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ids and mask, both (texts, time). What stands in the place of padding has no effect."""
    ids = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
    mask = np.zeros_like(ids)
    for place, row in enumerate(rows):
        ids[place, : len(row)], mask[place, : len(row)] = row, 1
    return ids, mask


def softmax(logits: Floats) -> Floats:
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    normalised: Floats = weights / weights.sum(-1, keepdims=True)
    return normalised

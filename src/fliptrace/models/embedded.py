"""Exported decoders: they run on onnxruntime instead of torch, for users who only analyze transcripts.

They score replies and write none. A folder holds one graph or several (the members of an ensemble, whose probabilities
are averaged), the tokenizer's files and `embedded.json`; training/export.py makes such folders. A graph takes batches
of reply trees (models/trees/reply_tree.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from jinja2.exceptions import TemplateError
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, ValidationError

from fliptrace.core.errors import InputError
from fliptrace.core.files import hash_file, hash_json, inside, read_object, read_text, write_json
from fliptrace.core.messages import Message
from fliptrace.models.base import Choice, Model
from fliptrace.models.chat_template import ChatFormat
from fliptrace.models.graphs import num_cpus, open_graph, open_tokenizer
from fliptrace.models.plain_tokenizer import PlainTokenizer
from fliptrace.models.trees.reply_tree import ReplyTree, batch_trees, grow_tree

CONFIG = "embedded.json"
TOKENIZER = "tokenizer.json"
CHAT_TEMPLATE = "chat_template.jinja"

# Tokens in one forward pass, padding included. A 2.75M model takes 4 ms per 90 tokens in passes of 700 to 1,500 tokens,
# and more in larger passes, which do not fit the processor's cache.
MAX_PASS_TOKENS = 1_024
# Each parallel pass takes tens of megabytes; if there are more of them than this, they wait for memory.
_MAX_WORKERS = 8
_MAX_MEMBERS = 100  # of an ensemble


@dataclass(frozen=True, slots=True)
class EmbeddedConfig:
    """The contents of `embedded.json`: the graphs' file names, the special tokens by role, and the context length.

    `context_length` is the largest number of tokens, prompt and reply together, that a graph takes.
    """

    graphs: Annotated[tuple[str, ...], Field(max_length=_MAX_MEMBERS)]
    special_tokens: dict[str, str]
    context_length: Annotated[int, Field(ge=1, le=2**31)]

    def write(self, folder: Path) -> None:
        write_json(folder / CONFIG, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> EmbeddedConfig:
        path = folder / CONFIG
        table = read_object(path)
        try:
            config: EmbeddedConfig = TypeAdapter(cls).validate_python(table)
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
            raise InputError(path, f"does not describe an embedded model: {'; '.join(problems[:3])}") from error
        if not config.graphs:
            raise InputError(path, "graphs is empty; expected the names of ONNX files")
        return config

    def paths(self, folder: Path) -> list[Path]:
        """The graphs' files; InputError if one is outside the folder."""
        return [inside(folder, name) for name in self.graphs]


def is_embedded(folder: Path) -> bool:
    return (folder / CONFIG).is_file()


def load_embedded(folder: Path, name: str | None = None) -> EmbeddedModel:
    """Load the model in `folder`, named `name`, or after the folder.

    InputError if files are missing or cannot be read.
    """
    config = EmbeddedConfig.read(folder)
    sessions = [open_graph(path) for path in config.paths(folder)]
    tokenizer = load_tokenizer(folder, config.special_tokens)
    try:
        chat_format = ChatFormat.of(tokenizer)
    except TemplateError as error:
        raise InputError(folder / CHAT_TEMPLATE, f"cannot render a chat of one question: {error}") from error
    return EmbeddedModel(sessions, chat_format, name or str(folder), config.context_length)


def load_tokenizer(folder: Path, special_tokens: dict[str, str]) -> PlainTokenizer:
    tokenizer, template = open_tokenizer(folder / TOKENIZER), folder / CHAT_TEMPLATE
    return PlainTokenizer(tokenizer, special_tokens, read_text(template) if template.exists() else None, str(folder))


def hash_weights(folder: Path) -> str:
    """Hash the weights, to detect another model in the same folder. An ensemble's hash covers all members' graphs."""
    hashes = [hash_file(path) for path in EmbeddedConfig.read(folder).paths(folder)]
    return hash_json(hashes) if len(hashes) > 1 else hashes[0]


class _Job(NamedTuple):
    place: int  # position among the choices
    tree: ReplyTree


class EmbeddedModel:
    """A ReplyScorer on onnxruntime. `sessions` holds one per member of the ensemble; `name` is shown in results."""

    def __init__(
        self,
        sessions: Sequence[Any],
        chat_format: ChatFormat,
        name: str,
        context_length: int,
        *,
        max_pass_tokens: int = MAX_PASS_TOKENS,
        num_workers: int | None = None,
    ) -> None:
        self.sessions = tuple(sessions)
        self.chat_format = chat_format
        self.context_length = context_length
        self.max_pass_tokens = max_pass_tokens
        self.num_workers = num_workers or min(num_cpus(), _MAX_WORKERS)
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def num_tokens(self, messages: Sequence[Message]) -> int:
        """Count the tokens of the prompt that `messages` make."""
        return len(self.chat_format.encode_prompt(messages))

    def as_model(self) -> Model:
        return Model(self.name, scorer=self)

    def fits(self, messages: Sequence[Message], max_new_tokens: int) -> bool:
        """Whether the prompt and a reply of that length fit the context."""
        return self.num_tokens(messages) + max_new_tokens <= self.context_length

    def score_replies(self, choices: Sequence[Choice]) -> list[tuple[float, ...]]:
        """See ReplyScorer. An ensemble returns the logarithm of its members' mean probability.

        InputError if a prompt and its longest reply do not fit the context.
        """
        jobs = self._jobs(choices)
        if not jobs:
            return []
        batches = list(self._batches(jobs))
        # One pass per core, each on one thread. The threads of one pass wait for each other at every step of the graph:
        # on a machine with other work to do, a pass took longer on two threads than on one.
        with ThreadPoolExecutor(min(self.num_workers, len(batches))) as pool:
            scored = list(pool.map(self._score, batches))
        by_place = {job.place: row for jobs, rows in zip(batches, scored, strict=True)
                    for job, row in zip(jobs, rows, strict=True)}  # fmt: skip
        return [by_place[index] for index in range(len(choices))]

    def _jobs(self, choices: Sequence[Choice]) -> list[_Job]:
        encoded: dict[tuple[str, tuple[str, ...]], tuple[list[int], list[list[int]]]] = {}
        jobs = []
        for index, choice in enumerate(choices):
            key = choice.opening, choice.replies  # usually shared by many choices
            if key not in encoded:
                encoded[key] = self.chat_format.encode_replies(*key)
            opening, replies = encoded[key]
            prompt = [*self.chat_format.encode_prompt(choice.messages), *opening]
            self._check_length(choice, len(prompt) + max(map(len, replies)))
            jobs.append(_Job(index, grow_tree(prompt, replies)))
        return jobs

    def _check_length(self, choice: Choice, num_tokens: int) -> None:
        if num_tokens > self.context_length:
            raise InputError(
                f"{self.name}, choice {choice.key}",
                f"prompt and longest reply take {num_tokens} tokens; expected at most {self.context_length}",
            )

    def _batches(self, jobs: Sequence[_Job]) -> Iterator[list[_Job]]:
        """Group trees by width, widest first. No batch exceeds the token limit, unless a single tree does."""
        batch: list[_Job] = []
        for job in sorted(jobs, key=lambda job: (-len(job.tree.prompt), -len(job.tree.tokens))):
            num_nodes = max(len(each.tree.tokens) for each in (*batch, job))
            width = len((batch or [job])[0].tree.prompt) + num_nodes
            if batch and (len(batch) + 1) * width > self.max_pass_tokens:
                yield batch
                batch = []
            batch.append(job)
        if batch:
            yield batch

    def _score(self, batch: Sequence[_Job]) -> list[tuple[float, ...]]:
        """Return the log-probability of every reply of every tree: the log of the members' mean probability."""
        trees = [job.tree for job in batch]
        feed = _feed(trees, self.chat_format.pad_id)
        sizes = [len(reply) for tree in trees for reply in tree.reads]
        starts = np.cumsum([0, *sizes[:-1]])
        log_probs = np.stack([self._run(session, feed) for session in self.sessions])  # (members, reads)
        replies = np.add.reduceat(log_probs.astype(np.float64), starts, axis=1)  # (members, replies)
        mean = iter((np.logaddexp.reduce(replies, axis=0) - math.log(len(self.sessions))).tolist())
        return [tuple(next(mean) for _ in tree.reads) for tree in trees]

    def _run(self, session: Any, feed: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """One log-probability for each read; InputError where the graph is not one of ours."""
        try:
            found: NDArray[Any] = session.run(["log_probs"], feed)[0]
        except Exception as error:  # onnxruntime's exceptions have no narrower common base
            raise InputError(self.name, f"its graph cannot be run: {str(error).partition(chr(10))[0]}") from error
        if np.shape(found) != feed["rows"].shape or found.dtype.kind != "f" or bool(np.isnan(found).any()):
            expected = f"expected {len(feed['rows'])} log-probabilities"
            raise InputError(
                self.name, f"its graph gives {np.shape(found)} values or none that are numbers; {expected}"
            )
        return found


def _feed(trees: Sequence[ReplyTree], pad_id: int) -> dict[str, NDArray[Any]]:
    """Build the inputs of the graph.

    `rows` and `tokens` select the log-probabilities to return from a (trees * num_read, vocab) array. `columns` are the
    columns whose next token is predicted, the same in all trees.
    """
    batch = batch_trees(trees, pad_id)
    time = batch.ids.shape[1]
    reads = [
        (place * batch.num_read + read.node + 1, read.token)
        for place, tree in enumerate(trees)
        for reply in tree.reads
        for read in reply
    ]
    rows, tokens = np.array(reads, dtype=np.int64).T
    return {
        "ids": batch.ids,
        "positions": batch.positions,
        "visible": batch.visible,
        "columns": np.arange(time - batch.num_read, time),
        "rows": rows,
        "tokens": tokens,
    }

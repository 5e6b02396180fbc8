"""Trims the vocabulary of a base: the pieces that given texts need, and the most frequent of all languages.

Most weights of a small multilingual model are embeddings that one corpus never uses; gradients and optimizer steps for
them cost more than the layers do. Every single character stays, so that no text becomes unknown that was not.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import AutoModel

from fliptrace.core.errors import InputError
from fliptrace.core.files import hash_file, new_folder, write_json
from fliptrace.models.catalog import BaseRecord
from fliptrace.models.local.loading import load_tokenizer, quiet
from tools.encoder_base.folder import WEIGHTS, build_tokenizer, save_base
from tools.encoder_base.origin import TRIMMED


class Vocabulary(NamedTuple):
    """The pieces of a tokenizer with their log-probabilities, in the order of token ids."""

    pieces: tuple[str, ...]
    scores: tuple[float, ...]


class Trimmed(NamedTuple):
    """The sizes before and after: pieces, and bytes of weights."""

    num_pieces: int
    num_kept_pieces: int
    num_bytes: int
    num_kept_bytes: int


def trim(folder: Path, target: Path, texts: Iterable[str], num_frequent: int) -> Trimmed:
    """Write a smaller copy of a base that tokenizes these texts as before. Ids change, their order does not.

    InputError if `target` exists and is no trimmed base.
    """
    record = BaseRecord.read(folder)
    if record is None:
        raise InputError(folder, "has no base.json; expected a folder that tools.encoder_base wrote")
    if target.exists() and not (target / TRIMMED).is_file():
        raise InputError(target, f"exists and has no {TRIMMED}; expected a new folder, or a trimmed base to replace")
    tokenizer = load_tokenizer(str(folder))
    vocabulary = read_vocabulary(tokenizer)
    needed = {token_id for coding in tokenizer.backend_tokenizer.encode_batch(list(texts)) for token_id in coding.ids}
    kept = choose_ids(vocabulary, needed | set(tokenizer.all_special_ids), num_frequent)
    smaller = keep_pieces(tokenizer, kept)
    with new_folder(target) as neighbour:
        save_base(_keep_rows(load_encoder(folder), kept, smaller), smaller, neighbour)
        # A record of its own: an adapter that was trained on other embeddings does not fit.
        BaseRecord("", WEIGHTS, hash_file(neighbour / WEIGHTS)).write(neighbour)
        write_json(neighbour / TRIMMED, {"from": record.to_json(), "num_frequent": num_frequent})
    sizes = [(place / WEIGHTS).stat().st_size for place in (folder, target)]
    return Trimmed(len(vocabulary.pieces), len(kept), *sizes)


def read_vocabulary(tokenizer: Any) -> Vocabulary:
    pieces, scores = zip(*json.loads(tokenizer.backend_tokenizer.to_str())["model"]["vocab"], strict=True)
    return Vocabulary(pieces, scores)


def choose_ids(vocabulary: Vocabulary, needed: Collection[int], num_frequent: int) -> list[int]:
    """Choose the ids to keep, in ascending order: those needed, the most frequent ones and all single characters.

    The least likely piece stays as well, because the score of an unknown character is counted from it.

    >>> vocabulary = Vocabulary(("<unk>", "a", "b", "ab", "abc", "abb", "bab"), (0, -4, -5, -2, -3, -7, -6))
    >>> [vocabulary.pieces[i] for i in choose_ids(vocabulary, needed={0}, num_frequent=2)]
    ['<unk>', 'a', 'b', 'ab', 'abb']
    """
    pieces, scores = vocabulary
    ids = range(len(pieces))
    frequent = sorted(ids, key=lambda token_id: -scores[token_id])[:num_frequent]
    single = [token_id for token_id in ids if len(pieces[token_id]) == 1]
    return sorted({*needed, *frequent, *single, min(ids, key=scores.__getitem__)})


def keep_pieces(tokenizer: Any, kept: Sequence[int]) -> Any:
    """Make the tokenizer that has only these pieces of another one; a text that needs no others is split the same."""
    pieces, scores = read_vocabulary(tokenizer)
    special = {name: getattr(tokenizer, f"{name}_token") for name in ("bos", "eos", "pad", "unk")}
    return build_tokenizer(
        [pieces[i] for i in kept], [scores[i] for i in kept], special, max_tokens=tokenizer.model_max_length
    )


def load_encoder(folder: Path) -> Any:
    with quiet():
        return AutoModel.from_pretrained(folder, add_pooling_layer=False, dtype=torch.float32, use_safetensors=True)


def _keep_rows(model: Any, kept: Sequence[int], tokenizer: Any) -> Any:
    """Keep these rows of a model's embeddings, and name its special tokens by the ids of the smaller tokenizer."""
    rows = model.get_input_embeddings().weight.detach()[list(kept)]  # (kept pieces, hidden)
    model.set_input_embeddings(torch.nn.Embedding(len(kept), rows.shape[1], tokenizer.pad_token_id, _weight=rows))
    model.config.vocab_size = len(kept)
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        setattr(model.config, name, getattr(tokenizer, name))
    return model

"""Writes the Hugging Face folder of an E5S1 file: a BertModel in float32, a fast tokenizer, the record of the file.

The weights are exactly those of the file; 4 bits times a 16-bit scale would not fit into 16 bits.
Source: the model card and tokenizer.json of https://huggingface.co/intfloat/multilingual-e5-small (MIT).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from fliptrace.core.files import new_folder
from fliptrace.models.catalog import BaseRecord
from fliptrace.models.local.loading import quiet
from tools.encoder_base.e5s1 import E5File, read_e5s1

MASK = "<mask>"
CONFIG, WEIGHTS = "config.json", "model.safetensors"

_EMBEDDINGS = {  # names of the format, and those of BertModel
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}

# What SentencePiece's rules "nmt_nfkc" do besides NFKC: they drop control characters, and make a space of whatever
# separates or is invisible. The file's own map of characters agrees on all but "～" and what Unicode has added since.
_DROPPED = "[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]"
_SPACES = "[\t\n\x0c\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]"


def convert(path: Path, folder: Path, record: BaseRecord) -> None:
    """Write the folder of an E5S1 file, with its record; it appears complete or not at all. InputError as read_e5s1."""
    file = read_e5s1(path)
    special = {name: file.pieces[token_id] for name, token_id in file.special._asdict().items()}
    tokenizer = build_tokenizer(file.pieces, file.scores, special, file.sizes.positions)
    with new_folder(folder) as neighbour:
        save_base(build_model(file), tokenizer, neighbour)
        record.write(neighbour)


def save_base(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write what AutoModel and AutoTokenizer load."""
    with quiet():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    # The weights are written for their owner alone, but a base may be shared.
    shutil.copymode(folder / CONFIG, folder / WEIGHTS)


def build_model(file: E5File) -> Any:
    """Build the encoder, without the pooling layer, which the file does not have."""
    sizes = file.sizes
    config = BertConfig(
        vocab_size=sizes.vocabulary,
        hidden_size=sizes.hidden,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        intermediate_size=sizes.intermediate,
        max_position_embeddings=sizes.positions,
        type_vocab_size=sizes.token_types,
        layer_norm_eps=file.epsilon,
        bos_token_id=file.special.bos,
        eos_token_id=file.special.eos,
        pad_token_id=file.special.pad,
    )
    with torch.device("meta"):
        model = BertModel(config, add_pooling_layer=False)
    weights = {_bert_name(name): torch.from_numpy(weight.copy()) for name, weight in file.tensors.items()}
    model.load_state_dict(weights, assign=True)
    return model.eval()


def _bert_name(name: str) -> str:
    """Translate a name of the format.

    >>> _bert_name("emb.word"), _bert_name("l11.fo.b")
    ('embeddings.word_embeddings.weight', 'encoder.layer.11.output.dense.bias')
    """
    if name in _EMBEDDINGS:
        return _EMBEDDINGS[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{layer.removeprefix('l')}.{_LAYER[part]}.{'weight' if kind == 'w' else 'bias'}"


def build_tokenizer(
    pieces: Sequence[str], scores: Sequence[float], special: Mapping[str, str], max_tokens: int
) -> PreTrainedTokenizerFast:
    """Build the tokenizer of XLM-RoBERTa, which e5 shares, from the pieces in the order of their ids.

    `special` names the pieces "bos", "eos", "pad" and "unk". Text is normalized, split at spaces, and each word gets
    its likeliest pieces.
    """
    unigram = Tokenizer(models.Unigram(list(zip(pieces, scores, strict=True)), unk_id=pieces.index(special["unk"])))
    unigram.normalizer = normalizers.Sequence(
        [normalizers.Replace(Regex(_DROPPED), ""), normalizers.Replace(Regex(_SPACES), " "), normalizers.NFKC()]
    )
    unigram.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    unigram.decoder = decoders.Metaspace()
    bos, eos = special["bos"], special["eos"]
    unigram.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}",
        pair=f"{bos} $A {eos} {eos} $B {eos}",
        special_tokens=[(token, pieces.index(token)) for token in (bos, eos)],
    )
    named = {f"{name}_token": token for name, token in special.items()}
    # The mask takes the space before it along, as in XLM-RoBERTa.
    masks = {"mask_token": AddedToken(MASK, lstrip=True, special=True)} if MASK in pieces else {}
    return PreTrainedTokenizerFast(
        tokenizer_object=unigram,
        **named,
        **masks,
        cls_token=bos,
        sep_token=eos,
        model_max_length=max_tokens,
        model_input_names=["input_ids", "attention_mask"],  # token types are all 0
        clean_up_tokenization_spaces=False,
    )

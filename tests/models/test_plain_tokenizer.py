"""Compares PlainTokenizer with the tokenizer of transformers, on the templates of test_chat_template.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jinja2.exceptions import TemplateError
from test_chat_template import SPECIAL_TOKENS, TEMPLATES, WITH_BOS
from tiny import SENTENCES, make_tokenizer
from tokenizers import Tokenizer

from fliptrace.core.messages import Message
from fliptrace.models.chat_template import ChatFormat
from fliptrace.models.local.loading import load_tokenizer
from fliptrace.models.local.scratch import ScratchSpec, build_scratch
from fliptrace.models.plain_tokenizer import PlainTokenizer

SPEC = ScratchSpec(vocab_size=300, hidden_size=32, num_layers=1, num_heads=2, num_kv_heads=1, intermediate_size=32)
CHATS = [
    (Message("user", "1 Ross joy"),),
    (Message("system", "Find triggers."), Message("user", "  1 Ross joy\n\n")),
    (Message("user", "1 <b>Ross</b> & {{ joy }}"), Message("assistant", "Triggers: 1"), Message("user", "è vero? 🙂")),
    (
        Message("system", "Find."),
        Message("user", "One."),
        Message("assistant", "Triggers: none"),
        Message("user", "Wrong."),
        Message("assistant", " Triggers: 1 "),
        Message("user", "Again.\n"),
    ),
]
TEXTS = ["", " ", "Triggers: 1 2", "joy", "  two  blanks", "12 345", "नमस्ते é 🙂\n\t", "<|end|> <|im_end|></s>"]


def plain_of(tokenizer: Any) -> PlainTokenizer:
    """Build the same tokenizer without transformers."""
    bpe = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    return PlainTokenizer(bpe, tokenizer.special_tokens_map, tokenizer.chat_template, tokenizer.name_or_path)


def assert_writes_the_same(tokenizer: Any) -> None:
    theirs, ours = ChatFormat.of(tokenizer), ChatFormat.of(plain_of(tokenizer))
    for name in ("template", "folds_system", "bos", "reply_prefix", "turn_end", "end_text", "stop_ids", "pad_id"):
        assert getattr(ours, name) == getattr(theirs, name)
    for chat in CHATS:
        assert ours.render_prompt(chat).encode() == theirs.render_prompt(chat).encode()
        assert ours.encode_prompt(chat) == theirs.encode_prompt(chat)
    for text in TEXTS:
        assert ours.encode_completion(text) == theirs.encode_completion(text)
    assert ours.encode_replies("1 joy\n", TEXTS) == theirs.encode_replies("1 joy\n", TEXTS)


@pytest.mark.parametrize("family", TEMPLATES)
def test_a_plain_tokenizer_writes_what_transformers_writes(family: str) -> None:
    bos = "<s>" if family in WITH_BOS else None
    special = SPECIAL_TOKENS[family]
    assert_writes_the_same(
        make_tokenizer(special, template=TEMPLATES[family], bos=bos, eos="</s>", adds_bos=bos is not None)
    )


def test_a_scratch_tokenizer_read_from_its_files_writes_the_same(tmp_path: Path) -> None:
    assert_writes_the_same(load_tokenizer(str(build_scratch(SENTENCES, SPEC, tmp_path / "model", seed=0))))


@pytest.mark.parametrize(
    "template",
    [
        "{{ messages | tojson }}{% if add_generation_prompt %}:{% endif %}",
        "  {% for m in messages %}\n  {% if loop.index > 1 %}{% break %}{% endif %}\n{{ m.content }}\n{% endfor %}\n",
        "{{ 'none' if tools is none and documents is none }} {{ pad_token }} {{ dict(a=1)['a'] }} {{ undefined_name }}",
        "{% set n = namespace(i=0) %}{% for m in messages %}{% set n.i = n.i + 1 %}{% endfor %}{{ n.i }} {{ 'é<' }}",
    ],
)
def test_templates_see_the_same_environment(template: str) -> None:
    tokenizer = make_tokenizer()
    chat = [message.to_json() for message in CHATS[2]]
    settings = {"chat_template": template, "tokenize": False, "add_generation_prompt": True}
    theirs = tokenizer.apply_chat_template(chat, **settings)
    assert plain_of(tokenizer).apply_chat_template(chat, **settings) == theirs


def test_a_template_may_raise() -> None:
    with pytest.raises(TemplateError, match="no system"):
        plain_of(make_tokenizer()).apply_chat_template(
            [], chat_template="{{ raise_exception('no system') }}", tokenize=False, add_generation_prompt=True
        )


def test_lengths_written_into_the_tokenizers_file_cut_and_pad_nothing() -> None:
    bpe = Tokenizer.from_str(make_tokenizer().backend_tokenizer.to_str())
    whole = bpe.encode(SENTENCES[0]).ids
    bpe.enable_truncation(4)
    bpe.enable_padding(length=64)
    assert PlainTokenizer(bpe, {}, None, "tokenizer")(SENTENCES[0])["input_ids"] == whole

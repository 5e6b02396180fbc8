"""The grammar of the answer line, and the tokens that may write it in several kinds of vocabulary."""

from __future__ import annotations

import json
from functools import cache
from itertools import combinations
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import make_tokenizer
from tokenizers import Tokenizer, decoders, models, normalizers
from transformers import PreTrainedTokenizerFast

from fliptrace.models.answer_line import MARK, AnswerLine
from fliptrace.models.chat_template import ChatFormat
from fliptrace.models.local.constrained import ConstrainedReply, Legal, LineTokens, choose_legal

LABELS = (0, 1, 2, 3, 10, 11, 12, 25, 103)
LINE = AnswerLine(LABELS, later=(104, 105))
SOME_LABELS = [some for size in (1, 2, 3) for some in combinations(LABELS, size)]
ALL_LINES = ["Triggers: none", *(f"Triggers: {' '.join(map(str, some))}" for some in SOME_LABELS)]


def test_the_beginnings_of_a_line_are_those_of_all_legal_lines() -> None:
    """Checked on every legal prefix extended by one character."""
    begun = {line[:length] for line in ALL_LINES for length in range(len(line) + 1)}
    texts = {text + char for text in begun if text.count(" ") < 3 for char in f"{MARK} none0123456789,\n"}
    assert len(texts) > 1000
    assert {text for text in texts if LINE.begins(text)} == texts & begun
    assert {text for text in texts if LINE.ends(text)} == texts & set(ALL_LINES)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Triggers: 4", "unknown utterance"),
        ("Triggers: 1 999", "unknown utterance"),
        ("Triggers: 104", "after the target"),
        ("Triggers: 2 2", "named twice"),
        ("Triggers: 2 1 2", "named twice"),
        ("Triggers: none 2", "none with others"),
        ("Triggers: 2 none", "none with others"),
        ("Triggers: 2 1", "out of form"),
        ("Triggers: 2,", "out of form"),
        ("Triggers:", "out of form"),
        ("I think", "out of form"),
        ("Triggers: ٣", "out of form"),
        ("", "out of form"),
    ],
)
def test_what_was_prevented_has_the_name_it_would_have_had_in_the_answer(text: str, kind: str) -> None:
    assert LINE.name_prevented(text) == kind


# Vocabularies ------------------------------------------------------------------------------------------------------


def sentencepiece_like(*pieces: str) -> Any:
    """A BPE tokenizer that writes spaces as ▁, falls back to bytes, and strips the first space when decoding."""
    signs = ["▁", *sorted(set("Triggers:none0123456789,xabcu")), *(f"<0x{byte:02X}>" for byte in range(256))]
    merges = [("T", "r"), ("▁", "Tr"), ("▁", "n"), ("▁", "1"), ("▁1", "2"), ("1", "2"), ("2", "▁")]
    tokens = ["<s>", "</s>", *signs, *("".join(merge) for merge in merges), *pieces]
    bpe = Tokenizer(
        models.BPE(
            vocab={token: i for i, token in enumerate(dict.fromkeys(tokens))},
            merges=merges,
            byte_fallback=True,
            unk_token=None,
        )
    )
    bpe.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    bpe.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="</s>", clean_up_tokenization_spaces=False)
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}"
        "{% else %}{{ m['content'] + '</s>' }}{% endif %}{% endfor %}"
    )
    return tokenizer


def char_level(*pieces: str) -> Any:
    """A byte-level tokenizer; `pieces` are in its vocabulary, but encoding never produces them."""
    tokenizer = make_tokenizer()
    table = json.loads(tokenizer.backend_tokenizer.to_str())
    table["model"]["vocab"] |= {piece: len(tokenizer) + i for i, piece in enumerate(pieces)}
    return tokenizer.__class__(
        tokenizer_object=Tokenizer.from_str(json.dumps(table)),
        eos_token="<|eos|>",
        extra_special_tokens=["<|im_start|>", "<|im_end|>"],
        clean_up_tokenization_spaces=False,
        chat_template=tokenizer.chat_template,
    )


PIECES = ("s:Ċ", "gers:Ġ9", ":Ġ", "ĠĠ", "Ġ1Ġ2", ":Ġnone", "Ġ12", "Triggers:Ġ7", "2Ġ", "00")
TOKENIZERS = {
    "byte-level": lambda: char_level(*PIECES),
    "sentencepiece": lambda: sentencepiece_like("▁12▁25", "s:<", ":▁9", "▁▁"),
    "end of turn behind a line break": lambda: _with_line_break(),
}


def _with_line_break() -> Any:
    tokenizer = char_level(*PIECES)
    tokenizer.chat_template = tokenizer.chat_template.replace("'<|im_end|>", "'\n<|im_end|>")
    return tokenizer


@cache
def line_tokens(name: str) -> LineTokens:
    return LineTokens(ChatFormat.of(TOKENIZERS[name]()))


def write_at_random(tokens: LineTokens, line: AnswerLine, choices: st.DataObject) -> str:
    """Write a reply whose tokens are drawn at random from the legal ones."""
    reply, held = [], ConstrainedReply(tokens, line)
    while not reply or reply[-1] not in tokens.chat_format.stop_ids:
        legal = held.legal
        assert legal is not None and not legal.is_denied and len(reply) < 200
        reply.append(choices.draw(st.sampled_from(sorted(legal.ids))))
        held.say(reply[-1])
    assert held.legal is None
    return tokens.chat_format.decode_reply(reply)


@given(st.sampled_from(sorted(TOKENIZERS)), st.sets(st.integers(0, 130), min_size=1), st.data())
def test_whatever_is_drawn_from_legal_tokens_is_a_legal_line(
    name: str, labels: set[int], choices: st.DataObject
) -> None:
    line = AnswerLine(tuple(sorted(labels)))
    assert line.ends(write_at_random(line_tokens(name), line, choices))


@pytest.mark.parametrize("name", TOKENIZERS)
def test_every_legal_line_can_be_written_as_training_writes_it(name: str) -> None:
    tokens = line_tokens(name)
    for text in ALL_LINES:
        held = ConstrainedReply(tokens, LINE)
        for token in tokens.chat_format.encode_completion(text):
            assert held.legal is not None and held.legal.permits(token), (text, token)
            held.say(token)
        assert held.legal is None


@pytest.mark.parametrize("name", TOKENIZERS)
def test_reasons_are_free_until_the_line_begins(name: str) -> None:
    tokens = line_tokens(name)
    held = ConstrainedReply(tokens, AnswerLine(LABELS, fills_reply=False))
    text = "Trigger 9 bac\nxx Triggers: 9, 9\nTriggers: 1"
    held_from = tokens.chat_format.decode_reply(tokens.chat_format.encode_completion(text)).rindex("Triggers:") + 9
    said: list[int] = []
    for token in tokens.chat_format.encode_completion(text):
        legal, length = held.legal, len(tokens.chat_format.decode_reply(said))
        assert legal is None or legal.is_denied is (length < held_from)
        assert legal is None or legal.permits(token)
        said.append(token)
        held.say(token)
    assert held.prevented == []


@pytest.mark.parametrize(
    ("begun", "piece"),
    [("Trigger", "s:\n"), ("Trig", "gers: 9"), ("Triggers", ": none"), ("", "Triggers: 7"), ("x\nTriggers", ":  ")],
)
def test_a_token_that_enters_the_line_says_nothing_illegal_there(begun: str, piece: str) -> None:
    tokens = line_tokens("byte-level")
    ids = [token for token in range(len(tokens.chat_format.tokenizer)) if tokens.text(token) == piece]
    held = ConstrainedReply(tokens, AnswerLine((1, 2), fills_reply=False))
    for token in tokens.chat_format.tokenizer(begun, add_special_tokens=False)["input_ids"]:
        held.say(token)
    assert [held.legal is None or held.legal.permits(token) for token in ids] == [piece == ": none"] * len(ids)
    assert len(ids) == (piece != ":  ")


def test_a_vocabulary_that_cannot_spell_a_line_goes_free() -> None:
    held = ConstrainedReply(line_tokens("sentencepiece"), AnswerLine((1,)))
    held.tokens = LineTokens(held.tokens.chat_format)
    held.tokens.__dict__["_line_tokens"] = []
    assert held.legal is None


def test_only_an_illegal_choice_is_made_again() -> None:
    tokens = line_tokens("byte-level")
    one = tokens.chat_format.encode_completion("1")[0]
    nine = tokens.chat_format.encode_completion("9")[0]
    replies = [ConstrainedReply(tokens, AnswerLine((1, 2))), None, ConstrainedReply(tokens, AnswerLine((1, 9)))]
    for reply in (replies[0], replies[2]):
        for token in tokens.chat_format.encode_completion("Triggers: ")[:-1]:
            assert reply
            reply.say(token)
    logits = torch.zeros(3, 400)
    logits[:, nine], logits[:, one] = 2.0, 1.0
    asked: list[list[int]] = []

    def again(masked: torch.Tensor, rows: list[int]) -> torch.Tensor:
        asked.append(rows)
        return masked.argmax(-1)

    chosen = choose_legal(replies, logits.argmax(-1), logits, again)
    assert (chosen.tolist(), asked) == ([one, nine, nine], [[0]])
    assert [reply and reply.prevented for reply in replies] == [["unknown utterance"], None, []]


def test_a_mask_leaves_the_legal_logits_as_they_are() -> None:
    logits, never, ids = torch.arange(5.0), -torch.inf, frozenset({1, 3, 99})
    assert Legal(ids, is_denied=False).mask(logits).tolist() == [never, 1, never, 3, never]
    assert Legal(ids, is_denied=True).mask(logits).tolist() == [0, never, 2, never, 4]

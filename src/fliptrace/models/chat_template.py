"""Messages to the tokens a model was tuned on, and tokens back to text: one renderer for training and for generation.

Wraps the chat template a Hugging Face tokenizer carries. The prompt and the completion are tokenised apart and
concatenated, so training sees exactly the tokens that generation will. Not here: making transcript text harmless;
special tokens inside a message are taken as they stand, so the prompts layer neutralises them beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from jinja2.exceptions import TemplateError

from fliptrace.core.errors import InputError
from fliptrace.core.messages import Message

# For a tokenizer without a chat template. No special token but the end of sequence, which every model must have.
PLAIN_TEMPLATE = (
    "{% for message in messages %}{{ '### ' + message['role'] | capitalize + '\n' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{{ '\n\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '### Assistant\n' }}{% endif %}"
)

# Templates may ask for today's date (Llama 3, gpt-oss); a macro of that name before the template hides the clock.
# 26 July 2024 is the date Llama 3.1's template writes where it has no clock.
_PINNED_CLOCK = (
    "{% macro strftime_now(format) %}{{ format | replace('%d', '26') | replace('%b', 'Jul') | replace('%B', 'July')"
    " | replace('%m', '07') | replace('%Y', '2024') | replace('%y', '24') | replace('%A', 'Friday') }}{% endmacro %}\n"
)

# Reasoning is trained and asked for in the reply itself, so a template's own thinking is switched off or kept short.
_SWITCHES = {"enable_thinking": False, "thinking": False, "reasoning_effort": "low"}

# A plain word no template trims, splits or writes itself.
_SENTINEL = "fliptracesentinel"


class _ReplyFrame(NamedTuple):
    """What stands around an assistant reply. The turn ends on `end_text` (mostly empty), then on the `end_token`."""

    prefix: str
    end_text: str
    end_token: str


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """How one tokenizer writes a chat. `stop_ids` are all tokens that end a reply.

    `turn_end` follows a reply: up to the end-of-turn token and with it, without the line break some templates add.
    """

    tokenizer: Any
    template: str
    folds_system: bool
    bos: str
    reply_prefix: str
    turn_end: str
    end_text: str
    stop_ids: frozenset[int]

    @classmethod
    def of(cls, tokenizer: Any, generation_config: Any = None) -> ChatFormat:
        """The format of a Hugging Face tokenizer; a model's generation_config may add tokens to stop at.

        InputError where nothing ends a reply: neither an end-of-turn token in the template nor an end of sequence.
        """
        template = _PINNED_CLOCK + (tokenizer.get_chat_template() if tokenizer.chat_template else PLAIN_TEMPLATE)
        frame = _reply_frame(tokenizer, template)
        eos_ids = (tokenizer.eos_token_id, generation_config and generation_config.eos_token_id)
        return cls(
            tokenizer=tokenizer,
            template=template,
            folds_system=_refuses_system(tokenizer, template),
            bos=_missing_bos(tokenizer, template),
            reply_prefix=frame.prefix,
            turn_end=frame.end_text + frame.end_token,
            end_text=frame.end_text,
            stop_ids=frozenset(_flatten(*eos_ids, tokenizer.convert_tokens_to_ids(frame.end_token))),
        )

    def render_prompt(self, messages: Sequence[Message]) -> str:
        """The prompt up to where the reply's own text starts, beginning-of-sequence token included."""
        _check_roles(messages)
        chat = [message.to_json() for message in (_fold_system(messages) if self.folds_system else messages)]
        return self.bos + _render(self.tokenizer, self.template, chat, to_reply=True) + self.reply_prefix

    def encode_prompt(self, messages: Sequence[Message]) -> list[int]:
        return self._encode(self.render_prompt(messages))

    def encode_completion(self, text: str) -> list[int]:
        """The tokens that follow the prompt's: the reply, then the end of the turn."""
        return self._encode(text + self.turn_end)

    def encode_replies(self, opening: str, replies: Sequence[str]) -> tuple[list[int], list[list[int]]]:
        """The tokens of an opening and those that follow it in each reply, the end of the turn with them.

        As in a completion written in one go; where that joins the opening's last token to a reply, both stand apart.
        """
        head = self._encode(opening) if opening else []
        whole = [self.encode_completion(opening + reply) for reply in replies]
        if all(tokens[: len(head)] == head for tokens in whole):
            return head, [tokens[len(head) :] for tokens in whole]
        return head, [self.encode_completion(reply) for reply in replies]

    @property
    def pad_id(self) -> int:
        """What stands where there is no token; any token will do, since nothing sees it."""
        return int(self.tokenizer.pad_token_id or 0)

    def decode_reply(self, ids: Sequence[int]) -> str:
        """The text of generated tokens up to the first that ends the reply.

        The inverse of `encode_completion`; what follows a stop token is not read.
        """
        stop = next((i for i, token in enumerate(ids) if token in self.stop_ids), len(ids))
        text: str = self.tokenizer.decode(
            list(ids[:stop]), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text.removesuffix(self.end_text) if stop < len(ids) else text

    def _encode(self, text: str) -> list[int]:
        # verbose=False: the model tells what is too long, it knows how much room the reply must have.
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return ids


def _render(tokenizer: Any, template: str, chat: list[dict[str, str]], *, to_reply: bool) -> str:
    text: str = tokenizer.apply_chat_template(
        chat, chat_template=template, tokenize=False, add_generation_prompt=to_reply, **_SWITCHES
    )
    return text


def _reply_frame(tokenizer: Any, template: str) -> _ReplyFrame:
    """Find what surrounds a reply by rendering a sentinel as one.

    Full renders are not prefixes of each other (Qwen3 drops earlier thinking, gpt-oss ends the last turn otherwise),
    so nothing is compared but the text before and after the sentinel.
    """
    chat = [{"role": "user", "content": "question"}]
    prompt = _render(tokenizer, template, chat, to_reply=True)
    chat.append({"role": "assistant", "content": _SENTINEL})
    head, _, tail = _render(tokenizer, template, chat, to_reply=False).partition(_SENTINEL)
    # gpt-oss: prompt `<|start|>assistant`, head `<|start|>assistant<|channel|>final<|message|>`. A trailing space is
    # not forced: tokenizers join it to the reply's first word. A prompt that goes on beyond the head stands as it is.
    prefix = head.removeprefix(prompt).rstrip(" ") if head.startswith(prompt) else ""
    tokens = {*tokenizer.all_special_tokens, *map(str, tokenizer.added_tokens_decoder.values())}
    ends = [(tail.find(token), -len(token), token) for token in tokens if token.strip() and token in tail]
    if ends:
        position, _, token = min(ends)
        return _ReplyFrame(prefix, tail[:position], token)
    if tokenizer.eos_token is None:
        raise InputError(
            tokenizer.name_or_path or "tokenizer",
            "the tokenizer has no end-of-sequence token; generation would never end. Set eos_token and save it again",
        )
    return _ReplyFrame(prefix, "", tokenizer.eos_token)


def _refuses_system(tokenizer: Any, template: str) -> bool:
    """Whether the template raises on a system message (Gemma, early Mistral) or drops it without a word."""
    chat = [{"role": "system", "content": _SENTINEL}, {"role": "user", "content": "question"}]
    try:
        return _SENTINEL not in _render(tokenizer, template, chat, to_reply=True)
    except TemplateError:
        return True


def _missing_bos(tokenizer: Any, template: str) -> str:
    """The beginning-of-sequence token where the tokenizer starts bare text with it and the template forgets it."""
    ids = tokenizer("question")["input_ids"]
    if tokenizer.bos_token is None or ids[0] != tokenizer.bos_token_id:
        return ""
    prompt = _render(tokenizer, template, [{"role": "user", "content": "question"}], to_reply=True)
    return "" if prompt.startswith(tokenizer.bos_token) else str(tokenizer.bos_token)


def _check_roles(messages: Sequence[Message]) -> None:
    roles = [message.role for message in messages]
    turns = roles[1:] if roles[:1] == ["system"] else roles
    wanted = [("user", "assistant")[i % 2] for i in range(len(turns))]
    assert turns and turns == wanted and turns[-1] == "user", (
        f"roles {roles}: expected system?, user, (assistant, user)*"
    )


def _fold_system(messages: Sequence[Message]) -> Sequence[Message]:
    """The system message as the first paragraph of the user's first."""
    if messages[0].role != "system":
        return messages
    system, user, *rest = messages
    return [Message("user", f"{system.content}\n\n{user.content}"), *rest]


def _flatten(*values: int | list[int] | None) -> list[int]:
    """Token ids as Hugging Face configs give them (none, one or a list) in one list."""
    return [i for value in values if value is not None for i in (value if isinstance(value, list) else [value])]

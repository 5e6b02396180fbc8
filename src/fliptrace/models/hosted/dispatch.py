"""Execution of planned calls: several at a time, each reply on disk before its slot is free for the next call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fliptrace.core.errors import InputError
from fliptrace.core.messages import Completion
from fliptrace.models.hosted.budget import Watcher
from fliptrace.models.hosted.client import Caller
from fliptrace.models.hosted.errors import Filtered
from fliptrace.models.hosted.json_schema import to_reply
from fliptrace.models.hosted.plan import PlannedCall
from fliptrace.models.hosted.prompt_lengths import PromptLengths
from fliptrace.models.hosted.reply_cache import AnswerStore
from fliptrace.models.hosted.response import ChatChoice, ChatReply

_SYNC_SECONDS = 0.5  # replies of this long may be lost to a power failure; a sync for each would cost 0.4 ms of CPU


@dataclass
class CallRun:
    """A single round of calls. Replies go into `store`; `watcher` is notified of every answered call.

    `prompt_lengths` are those of all rounds of a model.
    """

    caller: Caller
    store: AnswerStore
    watcher: Watcher
    prompt_lengths: PromptLengths = field(default_factory=PromptLengths)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _in_flight: set[asyncio.Task[None] | None] = field(default_factory=set)
    _failures: list[Exception] = field(default_factory=list)

    async def make(self, calls: Sequence[PlannedCall]) -> None:
        """Make all calls. After the first failure no other call begins, and replies in flight are still kept."""
        async with self._syncing(), asyncio.TaskGroup() as group:
            for call in calls:
                await self.caller.wait_for_place()  # behind retries, which would otherwise come last
                if self._failures:
                    break
                self._tasks.add(task := group.create_task(self._make_or_stop(call)))
                task.add_done_callback(self._tasks.discard)
                await asyncio.sleep(0)  # lets the task take the slot
        if self._failures:
            raise self._failures[0]

    @asynccontextmanager
    async def _syncing(self) -> AsyncIterator[None]:
        """Sync the store at intervals, and at the end whatever happens."""

        async def sync_periodically() -> None:
            while True:
                await asyncio.sleep(_SYNC_SECONDS)
                await asyncio.to_thread(self.store.sync)

        syncing = asyncio.create_task(sync_periodically())
        try:
            yield
        finally:
            syncing.cancel()
            self.store.sync()  # an error that ended the periodic sync occurs here again

    async def _make_or_stop(self, call: PlannedCall) -> None:
        """Make a call. If it fails, cancel all tasks except those whose request is in flight."""
        try:
            await self._make_one(call)
        except (InputError, OSError) as error:
            self._failures.append(error)
            for task in self._tasks - self._in_flight - {asyncio.current_task()}:
                task.cancel()

    async def _make_one(self, call: PlannedCall) -> None:
        """Make a call and keep its replies. Its task is in `_in_flight` while a request is out.

        Where the server returns fewer replies than requested, the missing ones are requested again.
        """
        remaining = call

        async def ask() -> None:
            nonlocal remaining
            self._in_flight.add(asyncio.current_task())
            try:
                while remaining.places:
                    reply = await self.caller.call_once(remaining.request.messages, remaining.parameters)
                    self._note_length(remaining, reply)
                    remaining = self._keep(remaining, _completions(remaining, reply))
            finally:
                self._in_flight.discard(asyncio.current_task())

        try:
            await self.caller.retried(ask)
        except Filtered:
            self._keep(remaining, [Completion("", 0, 0)] * len(remaining.places))  # counted as unparsed answers

    def _note_length(self, call: PlannedCall, reply: ChatReply) -> None:
        """Say it once where the prompt tokens that the server reports stop growing."""
        if reply.usage is None or self.prompt_lengths.is_cut:
            return
        self.prompt_lengths.add(call.request.messages, reply.usage.prompt_tokens)
        if self.prompt_lengths.is_cut:
            self.watcher.found(f"{self.caller.provider.ref} {self.prompt_lengths.remark()}")

    def _keep(self, call: PlannedCall, replies: Sequence[Completion]) -> PlannedCall:
        """Store the replies that were requested, and return the call for the missing ones."""
        self.store.put(list(zip(call.places, replies, strict=False)))
        self.watcher.answered(self.caller.budget.spent)
        return call.behind(len(replies))


def _completions(call: PlannedCall, reply: ChatReply) -> list[Completion]:
    is_json = "response_format" in call.parameters
    return [_completion(reply, choice, is_json=is_json) for choice in reply.choices]


def _completion(reply: ChatReply, choice: ChatChoice, *, is_json: bool) -> Completion:
    usage, entries = reply.usage, choice.probabilities
    return Completion(
        to_reply(choice.text) if is_json else choice.text,
        usage.prompt_tokens if usage else 0,
        round(usage.completion_tokens / len(reply.choices)) if usage else 0,
        "stop" if choice.finish_reason in ("stop", None) else "length",  # a content filter may cut off a reply, too
        log_probability=sum(entry.logprob for entry in entries) if entries else None,
    )

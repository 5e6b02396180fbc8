"""Planned calls, made: so many at a time, each reply on disk before its place is free for the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fliptrace.core.errors import InputError, RunError
from fliptrace.core.messages import Completion
from fliptrace.models.hosted.budget import Watcher
from fliptrace.models.hosted.client import Caller
from fliptrace.models.hosted.errors import Filtered
from fliptrace.models.hosted.json_schema import to_reply
from fliptrace.models.hosted.plan import PlannedCall
from fliptrace.models.hosted.reply_cache import AnswerStore
from fliptrace.models.hosted.response import ChatChoice, ChatReply

_SYNC_SECONDS = 0.5  # of replies, that a loss of power may cost; a sync after each of them costs 0.4 ms of processor


@dataclass
class CallRun:
    """Makes calls once; replies go into `store`, `watcher` hears of each call that is answered."""

    caller: Caller
    store: AnswerStore
    watcher: Watcher
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _under_way: set[asyncio.Task[None] | None] = field(default_factory=set)
    _failed: list[Exception] = field(default_factory=list)

    async def make(self, calls: Sequence[PlannedCall]) -> None:
        """Make all calls; after the first that fails no other begins, and what is under way is still kept."""
        async with self._synced(), asyncio.TaskGroup() as group:
            for call in calls:
                await self.caller.wait_for_place()  # behind those that are made again, which would else come last
                if self._failed:
                    break
                self._tasks.add(task := group.create_task(self._try(call)))
                task.add_done_callback(self._tasks.discard)
                await asyncio.sleep(0)  # it takes the place
        if self._failed:
            raise self._failed[0]

    @asynccontextmanager
    async def _synced(self) -> AsyncIterator[None]:
        """Sync the store now and then, and at the end whatever happens."""

        async def sync_now_and_then() -> None:
            while True:
                await asyncio.sleep(_SYNC_SECONDS)
                await asyncio.to_thread(self.store.sync)

        syncing = asyncio.create_task(sync_now_and_then())
        try:
            yield
        finally:
            syncing.cancel()
            self.store.sync()  # what went wrong with one before goes wrong here as well

    async def _try(self, call: PlannedCall) -> None:
        """Make a call; where it fails no task goes on but those whose request is out."""
        try:
            await self._make_one(call)
        except (InputError, OSError) as error:
            self._failed.append(error)
            for task in self._tasks - self._under_way - {asyncio.current_task()}:
                task.cancel()

    async def _make_one(self, call: PlannedCall) -> None:
        """Make a call and keep its replies; in between its task is among those under way.

        Where fewer replies came than were asked for, the others are asked for again.
        """
        left = call

        async def ask() -> None:
            nonlocal left
            self._under_way.add(asyncio.current_task())
            try:
                while left.places:
                    reply = await self.caller.call_once(left.request.messages, left.parameters)
                    if not reply.choices:
                        raise RunError(self.caller.provider.ref, "answered a request with no reply at all")
                    left = self._keep(left, _completions(left, reply))
            finally:
                self._under_way.discard(asyncio.current_task())

        try:
            await self.caller.retried(ask)
        except Filtered:
            self._keep(left, [Completion("", 0, 0)] * len(left.places))  # no answer, which is counted

    def _keep(self, call: PlannedCall, replies: Sequence[Completion]) -> PlannedCall:
        """Put down the replies that were asked for; the call for those that are missing."""
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
        "stop" if choice.finish_reason in ("stop", None) else "length",  # a filter, too, may cut one off
        log_probability=sum(entry.logprob for entry in entries) if entries else None,
    )

"""Stage 1: instructions made from labels alone.

They ask for triggers (the answer alone, or with a chain of thought), for the emotional flow, and from bare text for the
emotion of an utterance and for the unified task.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from fliptrace.core.dialogue import Dialogue
from fliptrace.core.messages import Instruction, Message
from fliptrace.models.base import ChatModel, Decoding, Request
from fliptrace.prompts.answers import Ask, parse_completion, render_answer, render_question
from fliptrace.prompts.chains import WORDINGS, Chain, Wording, observe, render_chain
from fliptrace.prompts.emotion_turns import emotion_turns, render_turn_question, render_turn_reply
from fliptrace.prompts.emotions import emotion_view, render_emotion, render_emotion_question
from fliptrace.prompts.flow import render_flips, render_flips_question, render_source, render_source_question
from fliptrace.prompts.thoughts import cut_thoughts
from fliptrace.prompts.unified import bare_view, render_labels, render_labels_question, render_unified_question
from fliptrace.prompts.views import Layout, View


def taught_triggers(view: View, ask: Ask) -> frozenset[int]:
    """The triggers that the right reply names: the known ones shown; in a rationale, only those within reach."""
    triggers = view.visible(view.case.known_triggers)
    return triggers if ask == "answer" else triggers & frozenset(view.candidates)


def is_within_reach(view: View) -> bool:
    """Whether a rationale can name all triggers that the answer names: none lies beyond the candidates."""
    return taught_triggers(view, "answer") == taught_triggers(view, "chain")


def right_reply(view: View, ask: Ask, num_wordings: int, seed: int) -> str:
    """The right reply by the labels: the answer line, or a rationale that ends with it."""
    triggers = taught_triggers(view, ask)
    if ask == "answer":
        return render_answer(triggers, view)
    return render_chain(Chain(observe(view), triggers), view, _wording(view, num_wordings, seed))


def answer_instructions(views: Sequence[View]) -> list[Instruction]:
    """One instruction per view: the question for the answer alone. They are the control for chain of thought."""
    return [_instruction(view, "answer", "answer", 1, 0) for view in views]


def chain_instructions(views: Sequence[View], num_wordings: int = 3, seed: int = 0) -> list[Instruction]:
    """One instruction per view: the question for reasons, answered with a rationale in a randomly drawn wording.

    A rationale covers the candidates within reach. A view with a trigger further back gets none, since its rationale
    would end on another answer than the plain question.
    """
    return [_instruction(view, "chain", "chain", num_wordings, seed) for view in views if is_within_reach(view)]


def taught_chain_instructions(views: Sequence[View], teacher: ChatModel) -> list[Instruction]:
    """Rationales written by a teacher that is shown the answer.

    A reply is kept only if it parses to that answer, without anomalies.
    """
    requests = [Request(view.case.id, _with_answer(view)) for view in views]
    replies = teacher.complete(requests, Decoding())
    instructions = []
    for view, (reply,) in zip(views, replies, strict=True):
        answer = parse_completion(reply, view)
        if answer.value == taught_triggers(view, "answer") and not answer.anomalies:
            prompt = render_question(view, "chain")
            name, rationale = f"{view.case.id}/chain", cut_thoughts(reply.text).strip()
            instructions.append(Instruction(name, "chain", prompt, rationale, view.case.id, teacher.name))
    return instructions


def source_instructions(views: Sequence[View]) -> list[Instruction]:
    """One instruction per view that shows the source: which utterance is it?"""
    return [
        Instruction(f"{v.case.id}/source", "source", render_source_question(v), render_source(v), v.case.id, "labels")
        for v in views
        if v.case.flip.source in v.shown
    ]


def flips_instructions(views: Sequence[View]) -> list[Instruction]:
    """One instruction per view: which flips of this speaker does it show?"""
    return [
        Instruction(f"{v.case.id}/flips", "flips", render_flips_question(v), render_flips(v), v.case.id, "labels")
        for v in views
    ]


def emotion_instructions(dialogues: Sequence[Dialogue], layout: Layout) -> list[Instruction]:
    """One instruction per labelled utterance of the dialogues: which emotion does it express? From bare text."""
    return [
        Instruction(
            f"{dialogue.id}/{index}/emotion",
            "emotion",
            render_emotion_question(emotion_view(dialogue, index, layout)),
            render_emotion(emotion, layout.name),
            dialogue.id,
            "labels",
        )
        for dialogue in dialogues
        for index, emotion in enumerate(dialogue.emotions)
        if emotion is not None
    ]


def emotions_instructions(dialogues: Sequence[Dialogue]) -> list[Instruction]:
    """One instruction per turn of a dialogue: which emotion does every utterance express? From bare text.

    For the shared layout. An unlabelled utterance is shown and has no line in the reply.
    """
    return [
        Instruction(
            f"{dialogue.id}/{turn.asked}/emotions",
            "emotions",
            render_turn_question(turn),
            render_turn_reply(turn, labels),
            dialogue.id,
            "labels",
        )
        for dialogue in dialogues
        for turn in emotion_turns(dialogue)
        if (labels := {i: emotion for i in turn.indices if (emotion := dialogue.emotions[i]) is not None})
    ]


def unified_instructions(views: Sequence[View]) -> list[Instruction]:
    """Up to two instructions per view, from bare text: label all utterances shown; then name the triggers of the flip.

    A view is skipped if an utterance shown is unlabelled. The second instruction needs the source to be shown too.
    """
    instructions = []
    for view in views:
        bare = bare_view(view)
        emotions = {i: e for i in bare.shown if (e := view.case.dialogue.emotions[i]) is not None}
        if len(emotions) < len(bare.shown):
            continue
        name, labels = f"{view.case.id}/unified", render_labels(bare, emotions)
        made = [(f"{name}/emotions", render_labels_question(bare), labels)]
        if view.case.flip.source in emotions:
            answer = render_answer(taught_triggers(view, "answer"), view)
            made.append((f"{name}/triggers", render_unified_question(view, labels, "answer"), answer))
        instructions += [Instruction(i, "unified", prompt, reply, view.case.id, "labels") for i, prompt, reply in made]
    return instructions


def _instruction(view: View, kind: str, ask: Ask, num_wordings: int, seed: int) -> Instruction:
    reply = right_reply(view, ask, num_wordings, seed)
    return Instruction(f"{view.case.id}/{kind}", kind, render_question(view, ask), reply, view.case.id, "labels")


def _wording(view: View, num_wordings: int, seed: int) -> Wording:
    """One of the layout's first `num_wordings`; the draw depends on case id and seed only."""
    wordings = WORDINGS[view.layout.name][:num_wordings]
    return random.Random(f"{seed}/{view.case.id}").choice(wordings)


def _with_answer(view: View) -> tuple[Message, ...]:
    *earlier, question = render_question(view, "chain")
    hint = (
        f"The right answer line is `{render_answer(taught_triggers(view, 'answer'), view)}`. "
        "Reason towards it as if you had not been told, and end on that line."
    )
    return (*earlier, Message("user", f"{question.content}\n\n{hint}"))

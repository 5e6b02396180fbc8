"""Handmade analyses for tests of pages and tables: a call with a story, and dialogues of any size."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from fliptrace.analysis.result import Analysis
from fliptrace.analysis.values import FoundFlip
from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MASAC8, EmotionSet
from fliptrace.core.flips import find_flips
from fliptrace.core.support import Support
from fliptrace.cues.values import Cues, UtteranceCues
from fliptrace.inference.word_evidence import WordEvidence

# speaker, start in seconds, emotion and its probability, text, cues
CALL: Sequence[tuple[str, float, str, float, str, tuple[str, ...]]] = (
    ("Ravi", 0.4, "neutral", 0.94, "Northlight Internet, this is Ravi. How can I help?", ()),
    (
        "Ada Okafor",
        4.1,
        "neutral",
        0.71,
        "Hello Ravi. My line went dead this morning, and at two I sit an exam online.",
        (),
    ),
    ("Ravi", 11.8, "neutral", 0.92, "Let me have a look. What is your postcode, please?", ()),
    ("Ada Okafor", 15.0, "neutral", 0.83, "BX4 9LT. It is the last exam of my degree, if that helps.", ()),
    (
        "Ravi",
        31.6,
        "surprise",
        0.77,
        "Thank you. Oh. There is an order here to close your account, dated yesterday.",
        ("typing",),
    ),
    ("Ada Okafor", 38.2, "surprise", 0.58, "Close it? I never asked anyone to close anything!", ()),
    ("Ravi", 42.9, "neutral", 0.81, "It was placed online, with your customer number.", ()),
    (
        "Ada Okafor",
        47.3,
        "anger",
        0.91,
        "Then somebody typed the wrong number, and you switched me off without a single call!",
        ("raises her voice",),
    ),
    ("Ravi", 55.0, "sadness", 0.64, "I am sorry, Ms Okafor. I would be upset, too.", ()),
    ("Ada Okafor", 58.7, "anger", 0.86, "I do not need sorry. I need a line by two.", ()),
    ("Ravi", 63.5, "sadness", 0.52, "A new activation takes three working days, I am afraid.", ()),
    ("Ada Okafor", 70.2, "fear", 0.73, "Three days? Then I lose the whole year.", ("voice breaks",)),
    ("Ravi", 76.8, "neutral", 0.69, "Please stay on the line. I am fetching my supervisor.", ()),
    ("Ines", 118.0, "neutral", 0.95, "Ines Duarte here, good morning. Ravi has told me everything.", ()),
    ("Ada Okafor", 123.4, "fear", 0.61, "Can you do anything at all, or shall I start to beg?", ()),
    (
        "Ines",
        127.9,
        "neutral",
        0.90,
        "No begging. Somebody in your street is moving house, and their form had your number on it.",
        (),
    ),
    (
        "Ada Okafor",
        135.6,
        "disgust",
        0.48,
        "So a stranger's slip of the finger costs me my degree. Lovely.",
        ("scoffs",),
    ),
    (
        "Ines",
        141.1,
        "neutral",
        0.78,
        "It does not. I can undo the closure as our mistake, and then nothing has to be activated.",
        (),
    ),
    ("Ravi", 149.7, "surprise", 0.82, "I did not even know we had that button!", ()),
    ("Ines", 153.0, "joy", 0.66, "You do now. Ms Okafor, would you look at the light on your box?", ("laughs",)),
    ("Ada Okafor", 166.5, "joy", 0.93, "It is blinking. It is … green. It is green!", ()),
    ("Ravi", 170.8, "joy", 0.89, "Green here, too! And it is only ten past eleven.", ()),
    ("Ada Okafor", 175.3, "joy", 0.80, "Thank you, both of you. That sorry from before: I take it now.", ()),
    ("Ines", 180.9, "joy", 0.74, "Good luck at two. And do keep my number.", ()),
)

WORDS = "so then well we could try the other door and see what it says about the rain on Friday before lunch"

# target: support of its triggers, support of other candidates, reason, whether it is the model's own
REASONS: Mapping[int, tuple[Mapping[int, float], Mapping[int, float], str, bool]] = {
    4: (
        {4: 0.71},
        {3: 0.22},
        "Ravi comes upon the order himself, in the middle of his own sentence: nobody else speaks of it before.",
        True,
    ),
    5: ({4: 0.96}, {}, "Ravi tells Ada Okafor of an order to close her account, which she never placed.", True),
    6: ({}, {5: 0.38, 4: 0.14}, "No utterance reaches the threshold: Ravi returns to neutral by himself.", False),
    7: (
        {6: 0.81, 4: 0.47},
        {5: 0.12},
        "That the order carried her own number turns her astonishment into blame; the closed account lies behind it.",
        True,
    ),
    8: ({7: 0.88}, {}, "Ada Okafor's utterance 8 (anger), right before, was named with a support of 0.88.", False),
    11: (
        {10: 0.93},
        {8: 0.11},
        "Three working days are later than two o'clock: what she was angry about, she now has to fear.",
        True,
    ),
    12: (
        {11: 0.66},
        {10: 0.29},
        "Ada Okafor's utterance 12 (fear), right before, was named with a support of 0.66.",
        False,
    ),
    16: ({15: 0.74}, {14: 0.17}, "The reason she is given is a trifle beside what it costs her.", True),
    18: ({17: 0.88}, {}, "Ines's utterance 18 (neutral), right before, was named with a support of 0.88.", False),
    19: ({18: 0.79}, {17: 0.13}, "Ravi's open surprise makes her laugh.", True),
    20: (
        {17: 0.44, 19: 0.62, 20: 0.41},
        {18: 0.10},
        "Ines undoes the closure and sends her to the light; seeing it turn green is her own.",
        True,
    ),
    21: ({20: 0.90}, {}, "Ada Okafor's utterance 21 (joy), right before, was named with a support of 0.90.", False),
}


def support_call() -> Analysis:
    """A call of a customer, an agent and a supervisor: 24 utterances with times, 12 flips."""
    utterances = tuple(
        Utterance(speaker, text, emotion, start, start + 0.06 * len(text), cues)
        for speaker, start, emotion, _, text, cues in CALL
    )
    dialogue = Dialogue("A dead line before the exam", "call", utterances, MASAC8)
    flips = find_flips(dialogue)
    assert {flip.target for flip in flips} == set(REASONS)
    found = []
    for flip in flips:
        triggers, candidates, reason, is_own = REASONS[flip.target]
        support = Support(len(dialogue), triggers | candidates)
        found.append(FoundFlip(flip, frozenset(triggers), support, reason, "model" if is_own else "template"))
    scores = tuple({emotion: share} for _, _, emotion, share, _, _ in CALL)
    return Analysis(dialogue, scores, tuple(found), "runs/reader", 0.4, ("Emotions were predicted.",))


def with_cues(analysis: Analysis) -> Analysis:
    """The analysis with cues for every utterance but the third: the eighth is loud, high and fast."""
    told = {7: ("louder than usual", "higher pitch", "faster"), 13: ("after a pause of 2.4 s",)}
    cues = [
        UtteranceCues(
            {"loudness_db": -26.0 + i % 4 + 9 * (i == 7), "pitch_hz": 150.0 + 4 * (i % 5) + 70 * (i == 7)},
            told.get(i, ()),
        )
        for i in range(len(analysis.dialogue))
    ]
    cues[2] = UtteranceCues()
    return analysis.with_cues(Cues(tuple(cues), ("call.wav: 1 of 24 utterances are not measured",)))


def with_words(analysis: Analysis, utterance_index: int, without: Mapping[str, float]) -> Analysis:
    """The analysis with words that carry the emotion of an utterance, and its probability without each."""
    text = analysis.dialogue.utterances[utterance_index].text
    spans = sorted((text.index(word), text.index(word) + len(word), share) for word, share in without.items())
    words = tuple(WordEvidence(utterance_index, start, end, 0.91, share) for start, end, share in spans)
    return replace(analysis, words=words)


def two_friends(*texts: str, speakers: Sequence[str] = ("Ana", "Ben")) -> Analysis:
    """Two speakers take turns over `texts`. The first flips to joy at utterance 2, which utterance 1 triggers."""
    emotions = ["neutral" if i < 2 or i % 2 else "joy" for i in range(len(texts))]
    utterances = tuple(
        Utterance(speakers[i % 2], text, emotion) for i, (text, emotion) in enumerate(zip(texts, emotions, strict=True))
    )
    return analyse(Dialogue("friends", "friends", utterances, MASAC8))


def analyse(dialogue: Dialogue, threshold: float = 0.5) -> Analysis:
    """Analyse a dialogue: every flip is triggered by the utterance before its target, with support 0.75."""
    found = tuple(
        FoundFlip(
            flip,
            frozenset({flip.target - 1}),
            Support(len(dialogue), {flip.target - 1: 0.75}),
            "The utterance right before.",
        )
        for flip in find_flips(dialogue)
    )
    return Analysis(dialogue, (None,) * len(dialogue), found, "rule:previous", threshold)


def calm(num_utterances: int = 5) -> Analysis:
    """A dialogue in which no emotion changes."""
    utterances = tuple(Utterance(("Ana", "Ben")[i % 2], f"Line {i}.", "neutral") for i in range(num_utterances))
    return analyse(Dialogue("calm", "calm", utterances, MASAC8))


def crowd(num_utterances: int, num_speakers: int, seed: int = 1, emotions: EmotionSet = MASAC8) -> Analysis:
    """A random dialogue of any size, with flips that have several triggers, own triggers, distant ones or none."""
    rng = random.Random(seed)
    names = [f"Speaker {chr(65 + i)}" for i in range(num_speakers)]
    words = WORDS.split()
    weights = [6 if label == "neutral" else 1 for label in emotions.labels]
    utterances: list[Utterance] = []
    last: dict[str, str] = {}
    for i in range(num_utterances):
        others = [name for name in names if not utterances or name != utterances[-1].speaker or num_speakers == 1]
        text = " ".join(rng.choice(words) for _ in range(rng.randint(3, 24))).capitalize() + "."
        speaker = rng.choice(others)
        if speaker not in last or rng.random() < 0.6:
            last[speaker] = rng.choices(emotions.labels, weights)[0]
        utterances.append(Utterance(speaker, text, last[speaker], start=4.7 * i, end=4.7 * i + 4))
    dialogue = Dialogue(f"{num_utterances} utterances by {num_speakers}", "crowd", tuple(utterances), emotions)
    found = []
    for flip in find_flips(dialogue):
        near = [flip.target - back for back in (0, 1, 1, 1, 1, 2, 3, 4) if flip.target >= back]
        triggers = frozenset(rng.sample(near, min(len(near), rng.choice((0, 1, 1, 1, 2)))))
        support = Support(num_utterances, {i: round(rng.uniform(0.4, 1), 2) for i in sorted(triggers)})
        found.append(FoundFlip(flip, triggers, support, "A sentence built from what was decided."))
    scores = tuple({str(u.emotion): round(rng.uniform(0.3, 1), 2)} for u in utterances)
    return Analysis(dialogue, scores, tuple(found), "embedded", 0.4, ("Made up, to try out sizes.",))

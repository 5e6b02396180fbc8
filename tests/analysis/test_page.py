from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from analyses import calm, crowd, support_call, two_friends, with_words
from hypothesis import given, settings
from hypothesis import strategies as st

from fliptrace.analysis.page import headline, render_page, write_page
from fliptrace.analysis.result import Analysis
from fliptrace.inference.evidence import Evidence
from fliptrace.inference.word_evidence import WordEvidence
from fliptrace.models.checkpoints import FlipShare

NASTY = (
    "<script>window.hacked = 1</script>",
    "</script><img src=x onerror=alert(1)>",
    "</style></title></svg></textarea><h1>Big</h1>",
    "\"><a href='javascript:alert(1)'>here</a>",
    "' onmouseover='alert(1)",
    "<!-- a comment that never ends",
    "]]> {{ 7 * 7 }} {% raw %} ${1 + 1}",
    "null \x00 bell \x07 escape \x1b[31m half \ud83d",
    "&lt;b&gt; &amp; &#60;",
    "\u202eright to left\u202c סלאם नमस्ते 👩🏽\u200d🚀",
)


class Outline(HTMLParser):
    """The elements of a page with the names of their attributes, and its visible text."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, ...]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, *(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    parser.close()
    return parser


def with_texts(text: str, speaker: str = "Ben") -> Analysis:
    """A dialogue with `text` in every place that a transcript, a model or a file name can fill."""
    analysis = two_friends("Hello.", text, "Well.", text, speakers=("Ana", speaker))
    utterances = tuple(replace(u, cues=(text,)) for u in analysis.dialogue.utterances)
    dialogue = replace(analysis.dialogue, id=text, utterances=utterances)
    evidence, words = (Evidence(1, 0.75, 0.25),), (WordEvidence(1, 0, 1, 0.75, 0.25),)
    flips = tuple(replace(found, reason=text, evidence=evidence) for found in analysis.flips)
    return replace(analysis, dialogue=dialogue, flips=flips, model=text, notes=(text,), words=words)


PLAIN = outline(render_page(with_texts("plain"))).elements


@pytest.mark.parametrize("text", NASTY)
def test_a_text_can_add_no_element_and_no_attribute(text: str) -> None:
    page = render_page(with_texts(text, speaker=text))
    assert outline(page).elements == PLAIN
    page.encode()


@settings(max_examples=40)
@given(st.text(alphabet=st.sampled_from("<>&\"'/={}%#!-[]()\\ \n\x00\u2028abc"), min_size=1), st.text())
def test_whatever_is_said_the_page_keeps_its_form(text: str, speaker: str) -> None:
    page = render_page(with_texts(text, speaker=f"B{speaker}"))
    assert outline(page).elements == PLAIN
    page.encode()


def test_hostile_text_is_shown_as_it_was_said() -> None:
    said = "<script>window.hacked = 1</script> & \"so\" it 'goes'"
    assert said in outline(render_page(two_friends("Hello.", said, "Well."))).text


def test_nothing_of_the_dialogue_stands_in_script_or_style() -> None:
    pages = [render_page(with_texts("zebra", speaker="zebra")), render_page(support_call())]
    scripts, styles = (
        [re.findall(rf"<{tag}>.*?</{tag}>", page, re.S) for page in pages] for tag in ("script", "style")
    )
    assert scripts[0] == scripts[1]
    assert styles[0] == styles[1]
    assert len(scripts[0]) == len(styles[0]) == 1


def test_the_page_needs_nothing_from_elsewhere() -> None:
    page = render_page(support_call())
    assert not re.search(r"https?://|@import|url\(", page)
    assert set(re.findall(r'(?:src|href)="([^"#][^"]*)"', page)) == {"data:,"}


def test_the_same_analysis_gives_the_same_page() -> None:
    assert render_page(crowd(40, 4)) == render_page(crowd(40, 4))


def test_anchors_are_unique_and_every_link_has_its_anchor() -> None:
    page = render_page(crowd(60, 5))
    anchors = re.findall(r'\bid="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(anchors)


def doubted(analysis: Analysis, *probabilities: float) -> Analysis:
    """The analysis with these probabilities for its first flips, and certain other ones."""
    shares = (*probabilities, *[1.0] * (len(analysis.flips) - len(probabilities)))
    flips = zip(analysis.flips, shares, strict=True)
    return replace(analysis, flips=tuple(replace(found, probability=share) for found, share in flips))


def test_the_list_of_flips_begins_with_the_surest_and_the_transcript_keeps_its_order() -> None:
    page = render_page(doubted(two_friends("a", "b", "c", "d", "e"), 0.625))
    assert "probability that 1 and 3 express different emotions" in outline(page).text
    assert "neutral → joy (probability 0.62)" in outline(page).text
    page = render_page(doubted(support_call(), 0.625, 0.875, 0.5))
    order = [int(n) for n in re.findall(r'<li><a href="#flip-(\d+)"', page.partition('<div class="index">')[2])][:12]
    assert order[-3:] == [6, 5, 7]
    assert order[:-3] == sorted(order[:-3])
    in_text = [int(n) for n in re.findall(r'class="tag" href="#flip-(\d+)"', page)]
    assert in_text == sorted(in_text)


def test_no_probability_is_shown_where_all_flips_are_certain_or_unknown() -> None:
    for analysis in (support_call(), doubted(support_call())):
        assert "data-order" not in re.sub(r"<(script|style)>.*?</\1>", "", render_page(analysis), flags=re.S)


def test_a_flip_between_two_equal_labels_explains_itself() -> None:
    analysis = two_friends("a", "b", "c")
    quiet = replace(analysis, dialogue=analysis.dialogue.with_emotions(("neutral",) * 3), flip_threshold=0.5)
    text = outline(render_page(doubted(quiet, 0.75))).text
    assert "each of the two is likeliest neutral. If they differ, neutral → joy is the most probable change." in text
    assert "flips from a probability of 0.50" in text


def test_an_uncertain_emotion_gets_a_question_mark() -> None:
    page = render_page(replace(support_call(), uncertain_below=0.5))
    assert page.count('title="uncertain: the probability is below 0.50"') == 1  # disgust, 0.48
    assert "? uncertain: probability below 0.50" in outline(page).text


def test_emotions_in_unfamiliar_words_get_a_question_mark() -> None:
    page = render_page(replace(support_call(), unfamiliar_speakers=("Ravi",), uncertain_below=0.5))
    title = "uncertain: most of what this speaker says is in words that the model was not trained on"
    assert page.count(f'title="{title}"') == 9
    assert page.count('title="uncertain: the probability is below 0.50"') == 1
    assert "? uncertain: probability below 0.50 or most words of the speaker new to the model" in outline(page).text


def test_words_that_carry_an_emotion_are_marked_in_the_transcript() -> None:
    analysis = with_words(support_call(), 7, {"typed": 0.6, "single": 0.4})
    page = render_page(analysis)
    assert page.count("<mark title=") == 2
    assert '<mark title="without this word, anger falls from 0.91 to 0.40">single</mark> call!' in page
    assert analysis.dialogue.utterances[7].text in outline(page).text
    told = "Ada Okafor's anger at 8 falls from 0.91 to 0.40 without “single”, to 0.60 without “typed”."
    assert outline(page).text.count(told) == 1  # the next flip of Ada Okafor begins at 10
    assert outline(page).text.count("a word that carries an emotion") == 1
    assert "<mark" not in render_page(support_call())


def test_the_page_tells_how_often_such_flips_were_flips() -> None:
    shares = (FlipShare(0.6, 0.7, 120, 0.65, 0.5833), FlipShare(0.7, 0.8, 80, 0.75, 0.7), FlipShare(0.9, 1, 9, 0.95, 1))
    page = render_page(replace(doubted(support_call(), 0.625, 0.69, 0.9), flip_shares=shares))
    told = "of 120 pairs given a flip probability of 0.6 to 0.7, 58% were flips; of 9 given 0.9 to 1.0, 100%."
    assert f"In the model's validation dialogues, {told}" in outline(page).text
    for silent in (support_call(), doubted(support_call(), 0.25)):
        assert "validation" not in render_page(replace(silent, flip_shares=shares))


def test_the_headline_counts_what_is_there() -> None:
    head = headline(support_call())
    assert (head.num_utterances, head.num_speakers, head.num_flips, head.num_triggered) == (24, 3, 12, 11)
    assert (head.change, head.num_changes) == (("neutral", "surprise"), 3)
    assert head.seconds == pytest.approx(183, abs=2)


def test_a_page_without_flips_or_times_says_so_and_shows_the_transcript() -> None:
    page = render_page(calm())
    assert "No flips: no speaker's emotion differs" in outline(page).text
    assert page.count('<li id="u') == 5
    assert headline(calm()).seconds is None


def test_every_utterance_flip_trigger_and_reason_is_on_the_page() -> None:
    analysis = support_call()
    text = outline(render_page(analysis)).text
    assert all(utterance.text in text for utterance in analysis.dialogue.utterances)
    assert all(found.reason in text for found in analysis.flips)
    assert text.count("the model's own rationale") == 7
    assert text.count("sentence built from the decision") == 5
    assert "This page shows what is expressed in text, not what a person feels." in text
    assert all(said in text for said in ("runs/reader", "0.40", "Emotions were predicted."))


@pytest.mark.parametrize("num_speakers", [1, 2, 12])
def test_a_dialogue_of_a_single_utterance_or_of_many_speakers_is_a_page(num_speakers: int) -> None:
    assert render_page(crowd(1, num_speakers)).endswith("</html>\n")
    assert render_page(crowd(30, num_speakers)).endswith("</html>\n")


def test_a_thousand_utterances_make_two_megabytes_at_most() -> None:
    assert len(render_page(crowd(1000, 3)).encode()) < 2_000_000


def test_the_file_holds_the_page(tmp_path: Path) -> None:
    write_page(support_call(), tmp_path / "out" / "call.html")
    assert (tmp_path / "out" / "call.html").read_text("utf-8") == render_page(support_call())

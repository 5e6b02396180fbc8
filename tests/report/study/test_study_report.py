from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from study_values import ARMS, SEEDS, difference, study, summary

from fliptrace.report.study.page import Table
from fliptrace.report.study.report import render_study_html, render_study_markdown, study_json
from fliptrace.report.study.sections import findings, lead, sections
from fliptrace.study.evidence.values import StudyReport

HEADINGS = [
    "Planned questions",
    "Caveats",
    "The paper and this study",
    "What was compared",
    "Ablation",
    "Do the splits leak?",
    "Decoding",
    "Self-evaluation",
    "Across languages",
    "Where the model is right",
    "Impossible answers",
    "Are the rationales true?",
    "Can support be trusted?",
    "Flips in the data",
    "Cost",
    "How to reproduce this",
]
EMPTY = {field.name: () for field in fields(StudyReport) if field.name not in ("header", "remarks")}


@pytest.fixture(scope="module")
def html() -> str:
    return render_study_html(study())


@pytest.fixture(scope="module")
def markdown() -> str:
    return render_study_markdown(study())


class _Page(HTMLParser):
    """Collects tags, ids, and the addresses that are loaded or linked; fails where tags do not close in order."""

    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.targets: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.targets += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")]
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parse(html: str) -> _Page:
    page = _Page()
    page.feed(html)
    assert page.open == []
    return page


def tables(report: StudyReport) -> list[Table]:
    return [block for section in sections(report) for block in section.blocks if isinstance(block, Table)]


def test_sections_stand_in_the_order_in_which_a_reviewer_asks(html: str, markdown: str) -> None:
    assert re.findall(r"<h2>(.+)</h2>", html) == HEADINGS
    assert re.findall(r"^### (.+)$", markdown, re.MULTILINE) == HEADINGS


def test_the_page_stands_alone(html: str) -> None:
    page = parse(html)
    assert "script" not in page.seen
    assert page.targets
    assert all(target.startswith("#") for target in page.targets)
    assert {target[1:] for target in page.targets} <= set(page.ids)
    assert re.findall(r"url\((?!#)|@import|https?:", html) == []


def test_no_two_things_on_the_page_have_one_id(html: str) -> None:
    ids = parse(html).ids
    assert sorted(set(ids)) == sorted(ids)


def test_every_chart_is_there_and_well_formed(html: str) -> None:
    svgs = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    # Ablation, k curve, 5 slices, 2 reliabilities, risk on 3 tests; 1 transfer, 2 flip matrices.
    assert len(svgs) == 3 * (1 + 1 + 5 + 2 + 1) + 1 + 2
    labels = [ElementTree.fromstring(svg).get("aria-label") for svg in svgs]
    assert len(set(labels)) == len(labels)


def test_the_same_report_gives_the_same_page(html: str, markdown: str) -> None:
    assert render_study_html(study()) == html
    assert render_study_markdown(study()) == markdown


def test_text_of_the_study_is_no_markup() -> None:
    hostile = "<script>alert(1)</script>|*x*"
    arms = tuple(replace(arm, title=hostile, note=hostile) if arm.name == "chain" else arm for arm in ARMS)
    report = study(arms=arms)
    report = replace(report, remarks=(hostile,), header=replace(report.header, name=hostile, commands=(hostile,)))
    html = render_study_html(report)
    assert "script" not in parse(html).seen
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    markdown = render_study_markdown(report)
    assert "| \\<script>alert(1)\\</script>\\|\\*x\\* |" in markdown
    assert "<script" not in markdown.replace("\\<script", "").replace("&lt;script", "")


def test_markdown_tables_have_as_many_cells_as_their_heads(markdown: str) -> None:
    blocks = [block for block in markdown.split("\n\n") if block.startswith("|")]
    assert len(blocks) == len(tables(study()))
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in block.splitlines()}) == 1, block
    assert "<svg" not in markdown


def test_every_table_names_command_seeds_and_a_hash() -> None:
    found = tables(study())
    assert len(found) > 30
    for table in found:
        assert "fliptrace reproduce recipes/study.toml" in table.foot, table.title
        assert re.search(r"\b[0-9a-f]{8}\b", table.foot), table.title
    ablation = next(table for table in found if table.title == "MELD-FR val: arm by evaluation")
    assert ablation.foot.endswith("seeds 0, 1, 2 · recipe c0ffee12 · meld-fr:train 9029d884 · meld groups 5e6f7a8b")


def test_tables_of_f1_have_the_rules_in_them() -> None:
    found = {table.title: table for table in tables(study())}
    for title in ("MELD-FR val: arm by evaluation", "MELD-FR val: + self-evaluation", "MELD-FR val: all scores"):
        assert any(row.kind == "best" for row in found[title].rows), title
    assert any(row.cells[0] == "best rule" for row in found["+ self-evaluation, evaluation “greedy”"].rows)


def test_a_table_without_rules_of_its_own_borrows_the_best() -> None:
    report = study()
    bare = tuple(
        replace(table, rows=tuple(row for row in table.rows if row.kind != "rule"), best_rule=None)
        for table in report.ablation
    )
    found = {table.title: table for table in tables(replace(report, ablation=bare))}
    assert found["MELD-FR val: arm by evaluation"].rows[-1].cells[0] == "best rule"


def test_what_is_not_noise_has_a_sign_that_needs_no_colour() -> None:
    report = study()
    first = report.ablation[0]
    signs = {"▲": difference("answer", "chain", 0.05), "▼": difference("answer", "chain", -0.05)}
    comparisons = tuple(
        replace(comparison, difference=found)
        for comparison, found in zip(first.comparisons, signs.values(), strict=False)
    )
    html = render_study_html(replace(report, **EMPTY | {"ablation": (replace(first, comparisons=comparisons),)}))
    assert '<td class="helps">▲ +0.050' in html
    assert '<td class="hurts">▼ −0.050' in html


def test_the_lead_says_how_much_was_done_and_what_could_be_seen() -> None:
    text = lead(study())
    assert text.startswith("26 of 28 cells are finished: 1 base, 3 tracks, 3 seeds.")
    assert "F1 below about 0.013 cannot be distinguished from zero" in text


def test_findings_keep_apart_what_helps_everywhere_and_what_varies() -> None:
    asked = (summary("a", 3, 0, 0), summary("b", 0, 2, 0), summary("c", 0, 0, 1), summary("d", 1, 0, 2))
    report = replace(study(), summaries=(*asked, summary("e", 0, 0, 0)))
    assert findings(report) == (
        ("helps", ("a, in all 3 tables",)),
        ("hurts", ("b, in all 2 tables",)),
        ("noise", ("c, in the only table",)),
        ("varies", ("d: helps in 1, noise in 2 of 3 tables",)),
        ("not measured", ("e",)),
    )


def test_what_was_not_measured_is_not_there() -> None:
    report = replace(study(), **EMPTY)
    html = render_study_html(report)
    known = ["Caveats", "What was compared", "Do the splits leak?", "How to reproduce this"]
    assert re.findall(r"<h2>(.+)</h2>", html) == known
    assert "26 of 28 cells" in render_study_markdown(report)


def test_several_bases_are_told_apart() -> None:
    titles = [table.title for table in tables(study(bases=("small", "large")))]
    assert "small · MELD-FR val: arm by evaluation" in titles
    assert "large · MELD-FR val: arm by evaluation" in titles
    assert len(set(filter(None, titles))) >= len(list(filter(None, titles))) - 5  # except "All other arms and tests"


def test_a_transfer_is_named_and_folded() -> None:
    found = next(t for t in tables(study()) if t.title.startswith("MaSaC-FR val, official split, trained on MELD-FR"))
    assert found.is_folded


def test_json_holds_every_value_by_its_name() -> None:
    found = study_json(study())
    assert list(found) == [field.name for field in fields(StudyReport)]
    assert json.loads(json.dumps(found)) == found
    row = found["ablation"][0]["rows"][1]
    assert set(row["f1"]["by_seed"]) == {str(seed) for seed in SEEDS}
    assert set(row["f1"]["interval"]) == {"low", "high"}
    assert row["f1"]["mean"] == round(row["f1"]["mean"], 6)

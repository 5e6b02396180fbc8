from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pandas as pd
import pytest
from synthetic_cells import ARMS, RULE_NAMES, study_cells, study_facts, tiny_report

from fliptrace.report.study.page import Table
from fliptrace.report.study.paper import paper_rows
from fliptrace.report.study.report import render_study_html, render_study_markdown, study_json
from fliptrace.report.study.sections import findings, lead, sections
from fliptrace.scoring.intervals import Settings
from fliptrace.study.evidence.gather import StudyReport, gather
from fliptrace.study.evidence.questions import Summary

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
FEW = Settings(num_draws=100)


@pytest.fixture(scope="module")
def html() -> str:
    return render_study_html(tiny_report())


@pytest.fixture(scope="module")
def markdown() -> str:
    return render_study_markdown(tiny_report())


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
    # Ablation, k curve, 2 reliabilities and risk on 2 own tests; slices on 4 tests; 1 transfer, 2 flip matrices.
    assert len(svgs) == 2 * (1 + 1 + 2 + 1) + 4 + 1 + 2
    labels = [ElementTree.fromstring(svg).get("aria-label") for svg in svgs]
    assert len(set(labels)) == len(labels)


def test_the_same_report_gives_the_same_page(html: str, markdown: str) -> None:
    assert render_study_html(tiny_report()) == html
    assert render_study_markdown(tiny_report()) == markdown


def test_text_of_the_study_is_no_markup() -> None:
    hostile = "<script>alert(1)</script>|*x*"
    arms = tuple(replace(arm, title=hostile, note=hostile) if arm.name == "chain" else arm for arm in ARMS)
    report = gather(study_cells(seeds=[0]), study_facts(), arms, settings=FEW)
    report = replace(report, remarks=(hostile,), header=replace(report.header, name=hostile, commands=(hostile,)))
    html = render_study_html(report)
    assert "script" not in parse(html).seen
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    markdown = render_study_markdown(report)
    assert "| \\<script>alert(1)\\</script>\\|\\*x\\* |" in markdown
    assert "<script" not in markdown.replace("\\<script", "").replace("&lt;script", "")


def test_markdown_tables_have_as_many_cells_as_their_heads(markdown: str) -> None:
    blocks = [block for block in markdown.split("\n\n") if block.startswith("|")]
    assert len(blocks) == len(tables(tiny_report()))
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in block.splitlines()}) == 1, block
    assert "<svg" not in markdown


def test_every_table_names_command_seeds_and_a_hash() -> None:
    found = tables(tiny_report())
    assert len(found) > 20
    for table in found:
        assert "fliptrace reproduce tiny.toml" in table.foot, table.title
        assert re.search(r"\b[0-9a-f]{8}\b", table.foot), table.title
    ablation = next(table for table in found if table.title == "meld val: arm by evaluation")
    assert ablation.foot.endswith("seeds 0, 1, 2 · recipe eeeeeeee · meld:train ffffffff · meld groups groups o")


def test_tables_of_f1_have_the_rules_in_them() -> None:
    found = {table.title: table for table in tables(tiny_report())}
    for title in ("meld val: arm by evaluation", "meld val: self-evaluation", "meld val: all scores"):
        assert any(row.kind == "best" for row in found[title].rows), title
    assert any(row.cells[0] == "best rule" for row in found["self-evaluation, evaluation “greedy”"].rows)


def test_a_table_without_rules_of_its_own_borrows_the_best() -> None:
    cells = [c for c in study_cells(seeds=[0]) if c["track"] != "meld" or c["arm"] not in RULE_NAMES]
    found = {table.title: table for table in tables(gather(cells, study_facts(), ARMS, settings=FEW))}
    assert found["meld val: arm by evaluation"].rows[-1].cells[0] == "best rule"


def test_what_is_not_noise_has_a_sign_that_needs_no_colour() -> None:
    report = tiny_report()
    signed = tuple(d._replace(verdict="helps" if d.value > 0 else "hurts") for d in report.differences)
    html = render_study_html(replace(report, differences=signed))
    assert '<td class="helps">▲ +0.0' in html
    assert '<td class="hurts">▼ −0.0' in html


def test_the_lead_says_how_much_was_done_and_what_could_be_seen() -> None:
    text = lead(tiny_report())
    assert text.startswith("54 of 60 cells are finished: 1 base, 2 tracks, 3 seeds.")
    assert re.search(r"F1 below about 0\.\d{3} cannot be distinguished from zero", text)


def test_findings_keep_apart_what_helps_everywhere_and_what_varies() -> None:
    asked = (Summary("a", 3, 0, 0), Summary("b", 0, 2, 0), Summary("c", 0, 0, 1), Summary("d", 1, 0, 2))
    report = replace(tiny_report(), summaries=(*asked, Summary("e", 0, 0, 0)))
    assert findings(report) == (
        ("helps", ("a, in all 3 tables",)),
        ("hurts", ("b, in all 2 tables",)),
        ("noise", ("c, in the only table",)),
        ("varies", ("d: helps in 1, noise in 2 of 3 tables",)),
        ("not measured", ("e",)),
    )


def test_what_was_not_measured_is_not_there() -> None:
    report = gather([], {"tracks": {}}, ARMS, num_planned=60, settings=FEW)
    known = [HEADINGS[0], "Caveats", "The paper and this study", "What was compared", "How to reproduce this"]
    assert re.findall(r"<h2>(.+)</h2>", render_study_html(report)) == known
    assert "0 of 60 cells" in render_study_markdown(report)


def test_several_bases_are_told_apart() -> None:
    cells = study_cells(seeds=[0])
    both = [cell | {"base": base} for base in ("small", "large") for cell in cells if cell["base"] == "tiny"]
    report = gather([*both, *(c for c in cells if c["base"] != "tiny")], study_facts(), ARMS, settings=FEW)
    titles = [table.title for table in tables(report)]
    assert "small · meld val: arm by evaluation" in titles
    assert "large · meld val: arm by evaluation" in titles
    assert len(set(filter(None, titles))) >= len(list(filter(None, titles))) - 5  # except "All other arms and tests"


def test_a_transfer_is_named_and_folded() -> None:
    found = next(t for t in tables(tiny_report()) if t.title.startswith("masac val, trained on MELD-FR"))
    assert found.is_folded


def test_json_holds_the_table_of_figures() -> None:
    report = tiny_report()
    found = study_json(report)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    table = pd.DataFrame(**found["figures"])
    assert list(table.columns) == list(report.evidence.table.columns)
    assert len(table) == len(report.evidence.table)
    assert len(found["differences"]) == len(report.differences)
    assert {len(found[name]) for name in ("questions", "paper", "calibration", "flips")} == {5, 7, 56, 2}


def test_every_claim_of_the_paper_is_answered() -> None:
    rows = paper_rows(tiny_report())
    assert len(rows) == 7
    assert [row.claim for row in rows if row.ours == "not measured"] == []
    assert rows[0].paper == "0.77"
    empty = paper_rows(gather([], {"tracks": {}}, ARMS, settings=FEW))
    assert {row.ours for row in empty if "against" not in row.ours} == {"not measured"}

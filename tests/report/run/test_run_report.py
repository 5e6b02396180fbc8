from __future__ import annotations

import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import pytest
from run_folders import LEAKING, RECIPE, begin_run, begin_stage, finish_stage, predictions

from fliptrace.core.files import read_json, write_json
from fliptrace.report.run import reader as run_reader
from fliptrace.report.run.remarks import lead, remarks
from fliptrace.report.run.report import read_run, render_html, render_markdown
from fliptrace.report.run.toml_text import to_toml
from fliptrace.training.recipe import parse_recipe, read_recipe

ROOT = Path(__file__).parents[3]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with a finished stage of F1 0.4, whose last answer could not be parsed, and a stage not begun."""
    folder = begin_run(tmp_path / "first-try")
    finish_stage(folder, 1, {"greedy": predictions([{1}, set(), None])})
    return folder


class _Page(HTMLParser):
    """Collects tags and the addresses of external resources; fails where tags do not close in order."""

    VOID = frozenset({"meta", "link", "img", "br", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.outside += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _parse(html: str) -> _Page:
    page = _Page()
    page.feed(html)
    assert page.open == []
    return page


def test_markdown_gives_every_f1_with_its_interval(run: Path) -> None:
    text = render_markdown(read_run(run))
    rows = [line for line in text.splitlines() if re.match(r"\| (rule|chain) \| (previous|greedy)", line)]
    assert len(rows) == 4
    assert all(re.search(r"\| 0\.\d{3} \[0\.\d{3}, \d\.\d{3}\] \|", row) for row in rows)
    assert "| chain | greedy | 0.400 [" in text
    assert "| 1 of 3 | 1 in 3 |" in rows[-1]


def test_markdown_tables_have_as_many_cells_as_their_heads(run: Path) -> None:
    finish_stage(run, 2, {"greedy": predictions([{1}, {0}, {1}], judged=True)})
    blocks = [block for block in render_markdown(read_run(run)).split("\n\n") if block.startswith("|")]
    assert len(blocks) == 5
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in block.splitlines()}) == 1, block


def test_the_lead_says_how_far_the_run_came_and_whether_it_beats_the_best_rule(run: Path) -> None:
    text = lead(read_run(run))
    assert text.startswith("1 of 2 stages finished. After stage “chain”, evaluation “greedy” has a trigger F1 of 0.400")
    assert "The best rule, “previous”, has 0.571 [" in text
    assert "The difference is −0.171 [" in text


def test_stages_that_are_not_done_are_named(run: Path) -> None:
    assert "Stage “feedback” has not begun." in remarks(read_run(run))
    begin_stage(run, 2)
    report = read_run(run)
    named = "Stage “feedback” is unfinished, 20 steps logged: it has no scores here."
    assert named in remarks(report)
    assert named in render_html(report)
    assert "| feedback | unfinished |" in render_markdown(report)


def test_a_run_without_scores_is_still_a_page(tmp_path: Path) -> None:
    report = read_run(begin_run(tmp_path))
    assert "0 of 2 stages finished. There are no scores yet." in render_markdown(report)
    assert "Trigger F1 on val" not in render_html(report)


def test_shared_groups_are_remarked(tmp_path: Path) -> None:
    report = read_run(begin_run(tmp_path, data={"leaks": LEAKING}))
    expected = "385 of 389 evaluation cases share 2 groups of dialogues with 40 of 4,711 training cases"
    assert any(remark.startswith(expected) for remark in remarks(report))


def test_choices_made_on_val_are_remarked(run: Path) -> None:
    assert any("chosen on val, by the F1 of evaluation “greedy”" in remark for remark in remarks(read_run(run)))


def test_a_kept_step_that_scores_otherwise_once_loaded_is_remarked(run: Path) -> None:
    text = "“greedy” after “chain” has an F1 of 0.400, but the step was kept for 0.500"
    assert any(remark.startswith(text) for remark in remarks(read_run(run)))
    log = run / "log.jsonl"
    log.write_text(log.read_text().replace("0.5", "0.4"))
    assert not any("was kept for" in remark for remark in remarks(read_run(run)))


def test_a_model_that_scores_as_a_rule_is_remarked(tmp_path: Path) -> None:
    folder = begin_run(tmp_path)
    finish_stage(folder, 1, {"greedy": predictions([{1}, {1}, {1}])})
    start = "The model may have learned no more than the rule “previous”"
    assert any(remark.startswith(start) for remark in remarks(read_run(folder)))


def test_observations_that_the_prompt_does_not_support_are_remarked(tmp_path: Path) -> None:
    folder = begin_run(tmp_path)
    place = finish_stage(folder, 1, {"chain": predictions([{1}, {1}, {2}])})
    scores = read_json(place / "scores.json")
    said = {"num_rationales": 3, "num_observations": 8, "num_false_observations": 2, "num_self_contradictions": 1}
    scores["chain"]["rationales"] = said
    write_json(place / "scores.json", scores)
    found = remarks(read_run(folder))
    assert any("2 of 8 observations in the rationales (25.0%) are not supported by the prompt" in r for r in found)
    assert any("1 of 3 answers contradict the verdicts before them" in remark for remark in found)


def test_a_single_group_is_said_where_an_interval_would_stand(tmp_path: Path) -> None:
    folder = begin_run(tmp_path)
    finish_stage(folder, 1, {"greedy": predictions([{1}, set(), set()], groups="aaa")})
    report = read_run(folder)
    assert "| chain | greedy | 0.400 [single group] | −0.171 [single group] |" in render_markdown(report)
    html = render_html(report)
    assert 'class="whisker"' not in html
    assert 'class="band"' not in html
    assert html.count('class="dot"') >= 4


def test_without_the_study_packages_the_page_says_what_is_missing(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_reader, "can_compare", lambda: False)
    report = read_run(run)
    assert any("fliptrace[study]" in remark for remark in remarks(report))
    assert "| chain | greedy | 0.400 [" in render_markdown(report)


def test_the_page_stands_alone(run: Path) -> None:
    page = _parse(render_html(read_run(run)))
    assert page.outside == []
    assert "script" not in page.seen
    assert page.seen.count("svg") == 1 + 2 + 3 + 1 + 2  # scale, 2 headings of groups, 3 rules, 1 evaluation, 2 curves


def test_intervals_are_drawn_where_they_lie(run: Path) -> None:
    report = read_run(run)
    html = render_html(report)
    dots = [float(x) for x in re.findall(r'<circle class="dot" cx="([\d.]+)" cy="18"', html)]
    assert len(dots) == 4
    assert dots[0] == dots[1] == dots[2] > dots[3] > 0


def test_text_of_the_run_is_no_markup(tmp_path: Path) -> None:
    recipe = RECIPE | {"evaluations": {"<b>|*greedy*": {}}}
    folder = begin_run(tmp_path, recipe=recipe)
    finish_stage(folder, 1, {"<b>|*greedy*": predictions([{1}, set(), set()])})
    begin_stage(folder, 1, sample="```\n<script>alert(1)</script>\nTriggers: none")
    report = read_run(folder)
    html = render_html(report)
    assert "script" not in _parse(html).seen
    assert "b" not in _parse(html).seen
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    markdown = render_markdown(report)
    assert "| \\<b>\\|\\*greedy\\* |" in markdown
    assert "````text\n```\n<script>" in markdown


def test_the_recipe_on_the_page_is_the_recipe() -> None:
    recipes = sorted((ROOT / "recipes").glob("*.toml"))
    assert recipes
    for path in recipes:
        recipe = read_recipe(path)
        assert parse_recipe(tomllib.loads(to_toml(recipe.to_json())), "page") == recipe


@pytest.mark.parametrize(
    "table",
    [
        {"a": 1, "b": [1.5, 1e-05], "c": 'quote " and \\ and \n and हिन्दी \x7f', "d": True, "e": []},
        {"a": {"x": 1, "b": {"y": 2}}, "z": 3},
        {"stages": [{"name": "a", "mixture": {"self-evaluation": 1.0}}, {"name": "b", "mixture": {"x y": 2}}]},
    ],
)
def test_toml_comes_back_as_it_was(table: dict[str, object]) -> None:
    assert tomllib.loads(to_toml(table)) == table

"""The layout of a tree, checked against slow and simple definitions, and the grouping of examples into trees."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tiny import make_tokenizer
from tiny_runs import make_case, make_flips

from fliptrace.core.messages import Instruction, Message
from fliptrace.curate.teaching import (
    answer_instructions,
    chain_instructions,
    emotion_instructions,
    flips_instructions,
    source_instructions,
    unified_instructions,
)
from fliptrace.models.chat_template import ChatFormat
from fliptrace.models.trees.token_tree import Branch, TokenTree, num_shared, sees
from fliptrace.models.trees.token_tree import lay_out as lay_out_branches
from fliptrace.prompts.views import Layout, training_view
from fliptrace.training.examples import IGNORED, Example, make_batches, padded_width, tokenize
from fliptrace.training.packing.prefix_tree import TreeRow, branch_of, count_tokens, lay_out, order_depth_first
from fliptrace.training.packing.tree_batches import (
    Bundle,
    bundle_examples,
    collate_tree,
    make_tree_batches,
)

Token = tuple[int, ...]  # an example's ids up to and including a token


@st.composite
def one_example(draw: st.DrawFn) -> Example:
    """Use few different tokens, so that examples share prompts and completions, and prompts begin other prompts."""
    prompt = draw(st.lists(st.integers(1, 2), min_size=1, max_size=7))
    completion = draw(st.lists(st.integers(1, 2), min_size=1, max_size=4))
    return Example((*prompt, *completion), len(prompt))


some_examples = st.lists(one_example(), min_size=1, max_size=8)


def shareable(example: Example) -> list[Token]:
    return [example.ids[: depth + 1] for depth in range(example.num_prompt_tokens - 1)]


def see(tree: TokenTree) -> NDArray[np.bool_]:
    """(time, time), True where a row sees a column."""
    columns = np.arange(len(tree))
    seen: NDArray[np.bool_] = sees(columns[:, None], columns, tree.ends)
    return seen


def paths(row: TreeRow) -> list[tuple[int, ...]]:
    """The columns of every example, from the root: those that the last token of its completion sees."""
    seen = see(row.tree)
    lasts = [q for q in range(len(row.tree)) if row.labels[q] != IGNORED and not np.any(seen[q + 1 :, q])]
    return [tuple(np.flatnonzero(seen[last]).tolist()) for last in lasts]


def read_back(row: TreeRow) -> list[Example]:
    examples = []
    for path in paths(row):
        labels = row.labels[list(path)]
        examples.append(Example(tuple(row.tree.ids[list(path)].tolist()), int(np.argmax(labels != IGNORED))))
    return examples


@given(some_examples)
def test_every_example_can_be_read_back(examples: list[Example]) -> None:
    assert Counter(read_back(lay_out(examples))) == Counter(examples)


@given(some_examples)
def test_a_token_sees_itself_and_its_own_ancestors_alone(examples: list[Example]) -> None:
    row = lay_out(examples)
    parents = {later: earlier for path in paths(row) for earlier, later in pairwise(path)}
    for query, seen in enumerate(see(row.tree)):
        ancestors = [query]
        while ancestors[-1] in parents:
            ancestors.append(parents[ancestors[-1]])
        assert np.flatnonzero(seen).tolist() == ancestors[::-1]
        assert row.tree.positions[query] == len(ancestors) - 1


@given(some_examples)
def test_labels_are_the_completions_each_once_behind_the_token_that_predicts_it(examples: list[Example]) -> None:
    row = lay_out(examples)
    wanted = Counter(
        (example.ids[:depth], example.ids[depth])
        for example in examples
        for depth in range(example.num_prompt_tokens, len(example))
    )
    found: Counter[tuple[Token, int]] = Counter()
    for column in np.flatnonzero(row.labels != IGNORED).tolist():
        assert row.labels[column] == row.tree.ids[column]
        found[tuple(row.tree.ids[see(row.tree)[column - 1]].tolist()), int(row.labels[column])] += 1
    assert found == wanted


@given(some_examples)
def test_a_row_holds_every_distinct_beginning_once_and_every_end(examples: list[Example]) -> None:
    distinct = {prefix for example in examples for prefix in shareable(example)}
    assert (
        len(lay_out(examples).tree)
        == count_tokens(examples)
        == len(distinct) + sum(len(e) - e.num_prompt_tokens + 1 for e in examples)
    )


@given(some_examples, st.randoms(use_true_random=False))
def test_the_order_of_examples_changes_nothing(examples: list[Example], rng: object) -> None:
    shuffled = examples[:]
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = lay_out(examples), lay_out(shuffled)
    assert np.array_equal(one.labels, other.labels)
    for name in ("ids", "positions", "ends"):
        assert np.array_equal(getattr(one.tree, name), getattr(other.tree, name))


@given(one_example(), one_example())
def test_two_examples_share_their_prompts_beginning_but_for_the_last_token(left: Example, right: Example) -> None:
    shared = num_shared(branch_of(left).stem, branch_of(right).stem)
    assert shared == len(set(shareable(left)) & set(shareable(right)))


@pytest.mark.parametrize("example", [Example((1, 2), 0), Example((1, 2), 2), Example((), 0)])
def test_an_example_without_prompt_or_completion_is_refused(example: Example) -> None:
    with pytest.raises(ValueError, match="without a prompt or without a completion"):
        lay_out([Example((1, 2), 1), example])


@given(some_examples)
def test_padding_sees_itself_and_nothing_sees_it(examples: list[Example]) -> None:
    (tree, labels), inputs = lay_out(examples), collate_tree(examples, pad_id=9)
    width = inputs["input_ids"].shape[1]
    assert width % 16 == 0 and width - len(tree) < 16
    columns = torch.arange(width)
    seen = sees(columns[:, None], columns, inputs["ends"][0]).numpy()
    assert np.array_equal(seen[: len(tree), : len(tree)], see(tree))
    assert np.array_equal(seen[len(tree) :], np.eye(width, dtype=bool)[len(tree) :])
    assert not seen[: len(tree), len(tree) :].any()
    assert inputs["input_ids"][0, len(tree) :].tolist() == [9] * (width - len(tree))
    assert (inputs["labels"][0, len(tree) :] == IGNORED).all()
    for name, array in (("input_ids", tree.ids), ("position_ids", tree.positions), ("labels", labels)):
        assert inputs[name][0, : len(tree)].tolist() == array.tolist()


@st.composite
def one_forked_branch(draw: st.DrawFn) -> Branch:
    """Draw a tail that forks: each token follows some token on the path to the previous one."""
    stem = draw(st.lists(st.integers(1, 2), max_size=6))
    parents = [-1]
    for node in range(1, draw(st.integers(1, 6))):
        path = [node - 1]
        while parents[path[-1]] >= 0:
            path.append(parents[path[-1]])
        parents.append(draw(st.sampled_from(path)))
    return Branch(tuple(stem), tuple(range(10, 10 + len(parents))), tuple(parents))


@given(st.lists(one_forked_branch(), min_size=1, max_size=6))
def test_a_tail_may_fork_and_every_token_sees_its_own_ancestors(branches: list[Branch]) -> None:
    tree, stems, starts = lay_out_branches(branches)
    seen = see(tree)
    for (stem, tail, parents), columns, start in zip(branches, stems, starts, strict=True):
        assert tree.ids[columns].tolist() == list(stem)
        assert tree.ids[start : start + len(tail)].tolist() == list(tail)
        assert parents is not None
        for node, parent in enumerate(parents):
            above = set(np.flatnonzero(seen[start + parent]).tolist()) if parent >= 0 else set(columns.tolist())
            assert set(np.flatnonzero(seen[start + node]).tolist()) == above | {start + node}
            assert tree.positions[start + node] == len(above)


def beginnings_of(examples: Sequence[Example]) -> list[tuple[str, ...]]:
    """Beginnings that treat the first token as the identity of the dialogue."""
    return [(str(example.ids[0]),) for example in examples]


@given(some_examples, st.integers(1, 100))
def test_bundles_are_of_one_dialogue_and_within_the_budget(examples: list[Example], budget: int) -> None:
    bundles = bundle_examples(examples, beginnings_of(examples), budget)
    assert Counter(i for bundle in bundles for i in bundle.members) == dict.fromkeys(range(len(examples)), 1)
    for members, num_apart in bundles:
        assert len({examples[i].ids[0] for i in members}) == 1
        assert num_apart == sum(padded_width(len(examples[i])) for i in members)
        assert num_apart <= budget or len(members) == 1


@given(some_examples, st.integers(1, 100))
def test_a_budget_of_the_tree_counts_shared_tokens_once(examples: list[Example], budget: int) -> None:
    for members, size in bundle_examples(examples, beginnings_of(examples), budget, as_tree=True):
        assert size == count_tokens([examples[i] for i in members])
        assert size <= budget or len(members) == 1


@given(some_examples, st.integers(1, 100))
def test_a_dialogue_is_cut_in_depth_first_order(examples: list[Example], budget: int) -> None:
    bundles = bundle_examples(examples, [("one dialogue",)] * len(examples), budget)
    assert [i for bundle in bundles for i in bundle.members] == order_depth_first(examples)


@given(some_examples)
def test_a_dialogue_within_the_budget_is_one_bundle(examples: list[Example]) -> None:
    assert len(bundle_examples(examples, beginnings_of(examples), 1000)) == len(set(beginnings_of(examples)))


some_bundles = st.lists(st.integers(1, 60), min_size=1, max_size=40).map(
    lambda sizes: [Bundle((2 * i, 2 * i + 1), size) for i, size in enumerate(sizes)]
)


@given(some_bundles, st.integers(1, 200), st.integers(1, 3), st.integers(0, 5))
def test_every_epoch_takes_every_bundle_once_and_whole(
    bundles: list[Bundle], budget: int, epochs: int, seed: int
) -> None:
    batches = make_tree_batches(bundles, budget, epochs, seed)
    taken = [place for batch in batches for place in batch]
    an_epoch = 2 * len(bundles)
    for epoch in range(epochs):
        assert sorted(taken[epoch * an_epoch : (epoch + 1) * an_epoch]) == list(range(an_epoch))
    sizes = {bundle.members: bundle.size for bundle in bundles}
    for batch in batches:
        pairs = list(zip(batch[::2], batch[1::2], strict=True))
        assert len(pairs) == 1 or sum(sizes[pair] for pair in pairs) <= budget


@given(some_bundles, st.integers(1, 200), st.floats(0.1, 3), st.integers(0, 5))
def test_batches_are_drawn_by_the_seed_alone(bundles: list[Bundle], budget: int, epochs: float, seed: int) -> None:
    assert make_tree_batches(bundles, budget, epochs, seed) == make_tree_batches(bundles, budget, epochs, seed)


@pytest.mark.parametrize("batch_tokens", [2048, 4096, 8192])
def test_an_epoch_of_trees_has_about_the_steps_of_an_epoch_of_rows(batch_tokens: int) -> None:
    """This holds regardless of how much is shared. The lengths are about those of MELD-FR's examples."""
    rng = random.Random(0)
    examples = [
        Example((*range(number, number + length), 1), length)
        for number in range(200)
        for length in rng.choices(range(180, 660), k=rng.randint(1, 10))
    ]
    bundles = bundle_examples(examples, beginnings_of(examples), batch_tokens)
    trees = make_tree_batches(bundles, batch_tokens, 1, seed=0)
    rows = make_batches([len(example) for example in examples], batch_tokens, 1, seed=0)
    assert len(trees) == pytest.approx(len(rows), rel=0.1)
    assert len(trees) > 30


def test_another_seed_or_epoch_draws_other_batches() -> None:
    bundles = [Bundle((i,), 10) for i in range(20)]
    one, other = make_tree_batches(bundles, 40, 2, seed=1), make_tree_batches(bundles, 40, 2, seed=2)
    assert one != other
    assert one[:5] != one[5:]


@pytest.mark.parametrize("epochs, num_batches", [(0.2, 1), (0.5, 2), (1, 4), (1.5, 6), (2.25, 9)])
def test_an_epoch_may_be_cut_short(epochs: float, num_batches: int) -> None:
    bundles = [Bundle((i,), 10) for i in range(8)]
    assert make_tree_batches(bundles, 20, epochs, 0) == make_tree_batches(bundles, 20, 3, 0)[:num_batches]


def all_kinds(number: int) -> dict[str, list[Instruction]]:
    views = [training_view(case, Layout("dialogue")) for case in make_flips(number)]
    assert len(views) > 2
    about_flips = [answer_instructions, chain_instructions, flips_instructions, source_instructions]
    dialogue = make_case(number, length=9).dialogue
    return {
        "flips": [row for make in about_flips for row in make(views)],
        "unified": unified_instructions(views),
        "emotion": emotion_instructions([dialogue], Layout("dialogue"))[1:],
    }


def test_instructions_on_one_dialogue_share_a_beginning_whatever_their_kind() -> None:
    found = [{kind: {row.beginning for row in rows} for kind, rows in all_kinds(n).items()} for n in range(3)]
    assert all(len(beginnings) == 1 for of_dialogue in found for beginnings in of_dialogue.values())
    assert len(set.union(*(beginnings for of_dialogue in found for beginnings in of_dialogue.values()))) == 9


def test_cases_of_one_dialogue_share_most_of_their_tokens() -> None:
    examples = tokenize(all_kinds(0)["flips"], ChatFormat.of(make_tokenizer()), 10_000).examples
    plain = [example for example in examples if isinstance(example, Example)]
    assert len(plain) == len(examples) > 8
    assert 2 * len(lay_out(plain).tree) < sum(map(len, plain))


def test_an_earlier_reply_is_no_beginning() -> None:
    [row] = answer_instructions([training_view(make_flips(0)[0], Layout("dialogue"))])
    judged = replace(row, prompt=(*row.prompt, Message("assistant", "Triggers: 1"), Message("user", "Judge it.")))
    assert judged.beginning == row.beginning


def test_a_first_utterance_alone_does_not_join_dialogues() -> None:
    lines = ("Dialogue", "[1] Ann (joy): Hey!", "[2] Bo (joy): Hello.", "[2] Bo (fear): Who is there?")
    prompts = ["\n".join((*lines[:2], lines[2], "and on")), "\n".join((*lines[:2], lines[3], "and on"))]
    rows = [Instruction("x", "answer", (Message("user", prompt),), "none", "x", "labels") for prompt in prompts]
    assert len({row.beginning for row in rows}) == 2

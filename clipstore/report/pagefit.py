"""Keeping the page under its size: what gives way, in which order, until it fits.

Invariant: no page leaves here that is larger than was asked for. What gives way, always from the
end of the table, where there is least to act on: pictures, the scores prompt by prompt, the cards,
and last whole runs. Every part of the page says with counts what it does without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import zip_longest

from clipstore.errors import PageTooLarge
from clipstore.report.cardsjson import cards_to_bytes
from clipstore.report.data import ModelSection, ReportData
from clipstore.report.pagesize import drop_last_thumbnails
from clipstore.report.picturesjson import numbers_without_entry

SHARE_OF_CUBES = 0.3
"""Of the page's size, for the scores prompt by prompt of all models: 1.3 million cells of 12 MB."""
SHARE_OF_CUBES_ALONE = 0.5
"""As above, of a page without pictures."""
SHARE_OF_CARDS = 0.15
"""As above, for the cards' texts and numbers: 300 runs with 20 cards each. Pictures come on top."""
NOTICE_BYTES = 4_000
"""Room for saying, in every section, what was left out."""


def page_that_fits(data: ReportData, render: Callable[[ReportData], str], fixed_bytes: int) -> str:
    """The page, at most `data.size_cap_bytes` long in UTF-8. `fixed_bytes`: of it, at least so many
    are the same in every page. Raises `PageTooLarge` where one run alone is more than fits."""
    page = render(data)
    n_bytes = len(page.encode("utf-8"))
    while n_bytes > data.size_cap_bytes:
        over_bytes = n_bytes - data.size_cap_bytes + NOTICE_BYTES
        if _has_details(data):
            data = _without_details(data, over_bytes)
        elif data.n_rows > 1:
            data = data.of_first(_rows_that_may_fit(data, n_bytes, fixed_bytes))
        else:
            raise PageTooLarge(n_bytes, data.size_cap_bytes)
        page = render(data)
        n_bytes = len(page.encode("utf-8"))
    return page


def text_bytes(sections: Sequence[ModelSection]) -> int:
    """What the scores prompt by prompt and the cards cost the page, their pictures apart."""
    return sum(s.cube.n_bytes + sum(cards_to_bytes(s, frozenset())) for s in sections)


def cards_that_fit(sections: Sequence[ModelSection], max_bytes: float) -> tuple[ModelSection, ...]:
    """Each with the cards of its first runs only, the same number in each."""
    costs = [cards_to_bytes(section, frozenset()) for section in sections]
    return _with_cards(sections, _first_within(costs, max_bytes))


def _with_cards(sections: Sequence[ModelSection], n_runs: int) -> tuple[ModelSection, ...]:
    return tuple(replace(each, prompts=each.prompts[:n_runs]) for each in sections)


def _has_details(data: ReportData) -> bool:
    """Something that can give way before whole runs do."""
    return data.pictures.n_bytes > 0 or any(s.cube.runs or s.prompts for s in data.sections)


def _without_details(data: ReportData, n_bytes: int) -> ReportData:
    """Pictures, scores prompt by prompt and cards gone until they made up `n_bytes`, or all are."""
    less = drop_last_thumbnails(data, n_bytes)
    n_bytes -= data.pictures.n_bytes - less.pictures.n_bytes
    if n_bytes > 0:
        costs = [section.cube.run_bytes for section in data.sections]
        n_runs = _first_within(costs, sum(map(sum, costs)) - n_bytes)
        sections = tuple(replace(s, cube=s.cube.of_first(n_runs)) for s in data.sections)
        n_bytes -= sum(s.cube.n_bytes for s in data.sections)
        n_bytes += sum(s.cube.n_bytes for s in sections)
        less = replace(less, sections=sections)
    if n_bytes > 0:
        absent = numbers_without_entry(less.pictures)
        costs = [cards_to_bytes(section, absent) for section in less.sections]
        n_runs = _first_within(costs, sum(map(sum, costs)) - n_bytes)
        less = replace(less, sections=_with_cards(less.sections, n_runs))
    return less


def _first_within(costs: Sequence[Sequence[int]], max_bytes: float) -> int:
    """The largest n of which the first n of each sequence add up to `max_bytes` or less."""
    n, left_bytes = 0, max_bytes
    for together in zip_longest(*costs, fillvalue=0):
        left_bytes -= sum(together)
        if left_bytes < 0:
            break
        n += 1
    return n


def _rows_that_may_fit(data: ReportData, n_bytes: int, fixed_bytes: int) -> int:
    """Fewer than there are, one at least; rather too many than too few."""
    share = (data.size_cap_bytes - fixed_bytes) / (n_bytes - fixed_bytes)
    return max(1, min(data.n_rows - 1, int(data.n_rows * share)))

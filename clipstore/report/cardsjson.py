"""The cards and the pictures as JSON values for the page's scripts.

Invariant: each picture's bytes stand in the page once: those that the page shows without scripts
are left out here, and the scripts take them from the elements that show them. Keys are short
because there are many; `reports/app/picturedata.js` says what they mean.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from clipstore.report.carddata import (
    Frame,
    PagePicture,
    Pictures,
    PromptCard,
    PromptText,
    RunPrompts,
    TabKind,
)
from clipstore.report.data import ModelSection, ReportData
from clipstore.report.inert import visible_text
from clipstore.report.looks import BADGES
from clipstore.report.minicurve import MiniCurve
from clipstore.report.shortids import name_to_short_id
from clipstore.report.tabwords import (
    DIFFERING_NAME,
    TAB_NAMES,
    shared_to_sentence,
    tab_to_sentence,
)
from clipstore.report.thumbnails import LEFT_OUT_FOR_SIZE, Thumbnail

MAX_SETTINGS = 5
"""In the head of a run's column: those that tell the most runs apart."""
STATIC_TABS: tuple[TabKind, ...] = ("worst", "best")
"""What stands in the page's text."""
URL_HEAD = "data:image/webp;base64,"

Value = dict[str, object]


def pictures_to_value(pictures: Pictures, shown_without_scripts: Collection[int]) -> list[Value]:
    """By number."""
    return [
        _picture(picture, number in shown_without_scripts)
        for number, picture in enumerate(pictures.listed)
    ]


def cards_to_value(data: ReportData) -> list[Value]:
    """One entry a model, in the page's order."""
    settings = {
        row.verdict.run: [
            [visible_text(name), None if value is None else visible_text(value)]
            for name, value in zip(data.config.settings[:MAX_SETTINGS], values, strict=False)
        ]
        for row, values in zip(data.config_rows, data.config.values, strict=True)
    }
    return [_section(section, settings) for section in data.sections]


def _picture(picture: PagePicture, is_elsewhere: bool) -> Value:
    """Nothing at all for what was left out for size, because that may be thousands."""
    value: Value = {}
    image = picture.image
    if isinstance(image, Thumbnail):
        value |= {"w": image.width_px, "h": image.height_px}
        if not is_elsewhere:
            value["u"] = image.data_url.removeprefix(URL_HEAD)
    elif image != LEFT_OUT_FOR_SIZE:
        value["why"] = image.why
        if image.is_fault_of_file:
            value["path"] = visible_text(picture.path)
    if picture.panel_file is not None:
        value["panel"] = picture.panel_file
    if picture.whole_file is not None:
        value["file"] = picture.whole_file
    if "w" in value or "panel" in value:
        value |= {"W": picture.width_px, "H": picture.height_px}
    return value


def _section(section: ModelSection, settings: Mapping[str, list[list[str | None]]]) -> Value:
    texts: dict[int, PromptText] = {}
    for run in section.prompts:
        texts |= {card.prompt.text_id: card.prompt for card in run.cards}
    places = {text_id: place for place, text_id in enumerate(texts)}
    curve = MiniCurve.of_section(section)
    verdicts = {row.verdict.run: row.verdict for row in section.rows}
    value: Value = {
        "prompts": [_prompt(text) for text in texts.values()],
        "runs": [
            {
                "id": name_to_short_id(run.run),
                "name": visible_text(run.run),
                "slug": BADGES[verdicts[run.run].verdict].slug,
                "word": BADGES[verdicts[run.run].verdict].word,
                "step": run.step,
                "settings": settings.get(run.run, []),
                "cards": [_card(card, places, curve) for card in run.cards],
                "tabs": [
                    {
                        "kind": tab.kind,
                        "name": TAB_NAMES[tab.kind],
                        "how": tab_to_sentence(tab, run),
                        "cards": list(tab.cards),
                    }
                    for tab in run.tabs
                ],
            }
            for run in section.prompts
        ],
        "band": curve.band_strip(),
    }
    if section.shared is not None and section.shared.differing:
        value["differing"] = {
            "name": DIFFERING_NAME,
            "how": shared_to_sentence(section.shared),
            "prompts": [places[t] for t in section.shared.differing if t in places],
        }
    return value


def _prompt(prompt: PromptText) -> Value:
    return {
        "id": prompt.short_id,
        "text": visible_text(prompt.text),
        "n": prompt.n_characters,
        "cut": prompt.is_truncated,
        "words": prompt.asks_for_words,
    }


def _card(card: PromptCard, places: dict[int, int], curve: MiniCurve) -> Value:
    return {
        "p": places[card.prompt.text_id],
        "id": visible_text(card.prompt_id),
        "steps": list(card.steps),
        "cosines": [round(cosine, 4) for cosine in card.cosines],
        "line": curve.points(card.steps, card.cosines),
        "base": None if card.base_cosine is None else round(card.base_cosine, 4),
        "n": card.n_images,
        "b": None if card.base is None else _frame(card.base),
        "f": [_frame(frame) for frame in card.frames],
    }


def _frame(frame: Frame) -> list[object]:
    return [frame.step, round(frame.cosine, 4), frame.picture]


def cards_without_scripts(section: ModelSection) -> Sequence[RunPrompts]:
    """The runs whose worst and best cards stand in the page's text: those to act on, else the
    first of the table."""
    to_act_on = [run for run in section.prompts if run.is_to_act_on]
    return to_act_on or section.prompts[:1]


def pictures_without_scripts(data: ReportData) -> frozenset[int]:
    """Numbers of the pictures on those cards and beside the verdicts."""
    on_cards = {
        frame.picture
        for section in data.sections
        for run in cards_without_scripts(section)
        for kind in STATIC_TABS
        for card in run.cards_of(kind)
        for frame in (*card.frames, *([] if card.base is None else [card.base]))
    }
    beside = {
        number
        for section in data.sections
        for row in section.rows
        if row.strip is not None
        for number in row.strip.pictures
    }
    return frozenset(on_cards | beside)

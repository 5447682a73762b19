"""The pictures as a JSON value for the page's scripts.

Invariant: each picture's bytes stand in the page once: those that the page shows without scripts
are left out here, and the scripts take them from the elements that show them. What the page does
without has no entry at all, because that may be thousands. `reports/app/picturedata.js` reads it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Set

from clipstore.report.carddata import PagePicture, Pictures
from clipstore.report.inert import visible_text
from clipstore.report.thumbnails import Thumbnail

URL_HEAD = "data:image/webp;base64,"

Value = dict[str, object]


def pictures_to_value(pictures: Pictures, shown_without_scripts: Collection[int]) -> Value:
    """`of`: the entries by number; `else`: why the pictures without an entry are not there."""
    without = numbers_without_entry(pictures)
    return {
        "of": {
            str(number): _entry(picture, number in shown_without_scripts)
            for number, picture in enumerate(pictures.listed)
            if number not in without
        },
        "else": _usual_reason(pictures),
    }


def numbers_without_entry(pictures: Pictures) -> Set[int]:
    """Those that are neither in the page nor beside it, for the most common reason."""
    usual = _usual_reason(pictures)
    return frozenset(
        number
        for number, picture in enumerate(pictures.listed)
        if usual is not None and _reason_alone(picture) == usual
    )


def _usual_reason(pictures: Pictures) -> str | None:
    """None where every picture has an entry."""
    counts = Counter(filter(None, map(_reason_alone, pictures.listed)))
    return max(counts, key=lambda why: (counts[why], why), default=None)


def _reason_alone(picture: PagePicture) -> str | None:
    """Why the page does without it, where that is all that there is to say of it."""
    image = picture.image
    if isinstance(image, Thumbnail) or image.is_fault_of_file:
        return None
    return image.why if picture.panel_file is None and picture.whole_file is None else None


def _entry(picture: PagePicture, is_elsewhere: bool) -> Value:
    value: Value = {}
    image = picture.image
    if isinstance(image, Thumbnail):
        value |= {"w": image.width_px, "h": image.height_px}
        if not is_elsewhere:
            value["u"] = image.data_url.removeprefix(URL_HEAD)
    else:
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

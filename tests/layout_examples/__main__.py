"""Makes tests/layouts/: small runs as the trainers' own saving code leaves them on disk.

    python -m tests.layout_examples simpletuner=PATH kohya=PATH musubi=PATH \\
        ai_toolkit=PATH onetrainer=PATH diffusers=PATH

Each PATH is a git checkout (a bare one will do) with the commits that the files here name. From its
files the functions that save pictures are taken as they are and called with stand-ins for what a
training would give them: a model that returns a plain picture, a clock that ticks a second a call.
What was asked for is written beside each example, as the truth that tests hold the layouts to.
The trainers' own loggers write into tests/logs/ the same way.
Nothing of the trainers' code is kept. The videos of SimpleTuner take `pip install imageio[ffmpeg]`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.layout_examples.ai_toolkit import ai_toolkit
from tests.layout_examples.diffusers import diffusers
from tests.layout_examples.kohya import kohya
from tests.layout_examples.musubi import musubi
from tests.layout_examples.onetrainer import onetrainer
from tests.layout_examples.own import metadata, own_layouts
from tests.layout_examples.simpletuner import simpletuner
from tests.layout_examples.stitched import simpletuner_now, simpletuner_videos
from tests.layout_examples.swapped import simpletuner_composites
from tests.layout_examples.trainerlogs import ai_toolkit_losses, simpletuner_metrics

MAKERS = {
    "ai_toolkit": (ai_toolkit, ai_toolkit_losses),
    "diffusers": (diffusers,),
    "kohya": (kohya,),
    "musubi": (musubi,),
    "onetrainer": (onetrainer,),
    "simpletuner": (
        *(simpletuner, simpletuner_composites, simpletuner_now, simpletuner_videos),
        simpletuner_metrics,
    ),
}


def main() -> None:
    for argument in sys.argv[1:]:
        name, _, path = argument.partition("=")
        for make in MAKERS[name]:
            make(Path(path))
    metadata()
    own_layouts()


if __name__ == "__main__":
    main()

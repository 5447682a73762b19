"""Draws a validation picture the way SimpleTuner 4.8 saves one that compares with the base model.

Geometry, from the layout's rules: panels side by side with a 5-pixel grey separator, the width
made even to 16 by at most one white column (2w+6 for panels whose width divides by 16), a label
at (10, 10) of each panel, and a black footer of the prompt text's height + 20 pixels.
Pillow's own font is used, as the trainer does where no TrueType font is installed: the picture
comes out the same on every machine, and the label covers little of a small panel.
"""

from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

SEPARATOR = 5
SEPARATOR_COLOR = (200, 200, 200)
FOOTER_MARGIN = 10
LABEL_AT = (10, 10)

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@lru_cache(maxsize=1)
def _font() -> Font:
    return ImageFont.load_default()


def _even_size(pixels: int) -> int:
    """The trainer's rounding: one pixel more unless divisible by 16."""
    return pixels if pixels % 16 == 0 else pixels + 1


@lru_cache(maxsize=1024)
def _labelled(panel: bytes, size: tuple[int, int], text: str) -> Image.Image:
    """A panel with its label: the base model's is the same at every step."""
    picture = Image.frombytes("RGB", size, panel)
    draw_label(picture, 0, text)
    return picture


def draw_label(picture: Image.Image, left: int, text: str) -> None:
    """Draws `text` at the label's place of the panel that begins at column `left`."""
    ImageDraw.Draw(picture).text(
        (left + LABEL_AT[0], LABEL_AT[1]),
        text,
        font=_font(),
        fill=(255, 255, 255),
        stroke_width=2,
        stroke_fill=(0, 0, 0),
    )


@lru_cache(maxsize=1024)
def _draw_footer(width: int, prompt: str) -> Image.Image:
    """A black strip (width, text height + 20) with the prompt centred, shrunk when too wide."""
    text = f"Prompt: {prompt}"
    measure = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    left, top, right, bottom = (int(v) for v in measure.textbbox((0, 0), text, font=_font()))
    text_width, text_height = right - left, bottom - top
    strip = Image.new("RGB", (text_width, text_height + 2 * FOOTER_MARGIN))
    ImageDraw.Draw(strip).text((-left, FOOTER_MARGIN), text, font=_font(), fill=(255, 255, 255))
    room = width - 2 * FOOTER_MARGIN
    if text_width > room:
        line = strip.crop((0, FOOTER_MARGIN, text_width, strip.height))
        line = line.resize(
            (room, max(1, line.height * room // text_width)), Image.Resampling.LANCZOS
        )
        text_width, strip_line, at = room, line, FOOTER_MARGIN + 2
    else:
        strip_line, at = strip, 0
    footer = Image.new("RGB", (width, text_height + 2 * FOOTER_MARGIN))
    footer.paste(strip_line, ((width - text_width) // 2, at))
    return footer


def stitch_base_and_checkpoint(
    base: Image.Image, checkpoint: Image.Image, step: int, prompt: str
) -> Image.Image:
    """[base | checkpoint] with labels and footer; both panels RGB of one size (w, h)."""
    width, height = checkpoint.size
    canvas = Image.new(
        "RGB", (_even_size(2 * width + SEPARATOR), _even_size(height)), (255, 255, 255)
    )
    canvas.paste(_labelled(base.tobytes(), base.size, "base model"), (0, 0))
    canvas.paste(SEPARATOR_COLOR, (width, 0, width + SEPARATOR, height))
    canvas.paste(checkpoint, (width + SEPARATOR, 0))
    draw_label(canvas, width + SEPARATOR, f"step {step}")
    footer = _draw_footer(canvas.width, prompt)
    framed = Image.new("RGB", (canvas.width, canvas.height + footer.height))
    framed.paste(canvas, (0, 0))
    framed.paste(footer, (0, canvas.height))
    return framed

"""The fast decoder never shows: with it and without it the same pixels, or the same refusal."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from clipstore.pictures import pngdecode
from clipstore.pictures.images import DecodedPicture, RawPicture, decode_picture
from clipstore.pictures.pngdecode import has_fast_decoder, plain_png_size
from clipstore.types import Problem, Size

LONG_AGO_NS = 10**18


def encode(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def decode(data: bytes) -> DecodedPicture | Problem:
    raw = RawPicture(Path("x.png"), data, hashlib.sha256(data).hexdigest(), len(data), LONG_AGO_NS)
    return decode_picture(raw, now_ns=2 * LONG_AGO_NS)


def agree(monkeypatch: pytest.MonkeyPatch, data: bytes) -> DecodedPicture | Problem:
    """What the file decodes to, after checking that Pillow alone says the same."""
    found = decode(data)
    with monkeypatch.context() as without:
        without.setattr(pngdecode, "_fast_decoder", lambda: None)
        expected = decode(data)
    if isinstance(expected, Problem):
        assert found == expected
    else:
        assert isinstance(found, DecodedPicture), found
        assert (found.is_lossy, found.notes) == (expected.is_lossy, expected.notes)
        assert np.array_equal(found.rgb, expected.rgb)
    return found


def pictures(n: int) -> Iterator[tuple[np.ndarray, int]]:
    """Noise, slopes and flat areas of odd sizes, with the level to compress them at."""
    generator = np.random.default_rng(7)
    for index in range(n):
        height, width = generator.integers(16, 90, 2)
        noise = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
        slope = np.cumsum(generator.integers(-2, 3, (height, width, 3)), axis=index % 2)
        flat = np.broadcast_to(noise[:1, :1], noise.shape)
        yield (noise, slope.astype(np.uint8), flat)[index % 3], index % 10


def test_the_decoder_that_is_tested_here_is_installed() -> None:
    assert has_fast_decoder()


def test_plain_pictures_have_pillows_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    n_fast = 0
    for pixels, level in pictures(300):
        data = encode(Image.fromarray(pixels), compress_level=level)
        n_fast += plain_png_size(data) == Size(pixels.shape[1], pixels.shape[0])
        decoded = agree(monkeypatch, data)
        assert np.array_equal(decoded.rgb, pixels)
    assert n_fast == 300


def test_the_fast_decoder_is_really_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(Image.new("RGB", (32, 32), "red"))
    monkeypatch.setattr(Image, "open", lambda *_args, **_kwargs: pytest.fail("Pillow was asked"))
    assert isinstance(decode(data), DecodedPicture)


def odd_files() -> dict[str, bytes]:
    """All that only looks like a plain PNG, or is none."""
    pixels, _ = next(pictures(1))
    rgb = Image.fromarray(pixels)
    alpha = rgb.convert("RGBA")
    alpha.putalpha(Image.linear_gradient("L").resize(rgb.size))
    deep = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    rotated = Image.Exif()
    rotated[0x0112] = 6
    plain = encode(rgb)
    chunks = {}
    for name, content in {
        "gAMA": (100000).to_bytes(4, "big"),
        "tEXt": b"Title\0a picture",
        "iCCP": b"x\0\0" + b"\x78\x9c\x03\0\0\0\0\x01",
        "tIME": bytes(7),
        "pHYs": bytes(9),
        "wrong pHYs": bytes(3),
        "zZzZ": b"unknown",
    }.items():
        added = PngImagePlugin.PngInfo()
        added.add(name[-4:].encode(), content)
        chunks[f"chunk {name}"] = encode(rgb, pnginfo=added)
    bomb = PngImagePlugin.PngInfo()
    bomb.add_text("k", "x" * 2**21, zip=True)
    return {
        **chunks,
        "text bomb": encode(rgb, pnginfo=bomb),
        "palette": encode(rgb.quantize(16)),
        "grey": encode(rgb.convert("L")),
        "1 bit": encode(rgb.convert("1")),
        "grey and alpha": encode(alpha.convert("LA")),
        "16 bit": encode(deep),
        "alpha": encode(alpha),
        "transparent colour": encode(rgb, transparency=tuple(pixels[0, 0].tolist())),
        "turned by EXIF": encode(rgb, exif=rotated),
        "animated": encode(rgb, save_all=True, append_images=[rgb.rotate(180)]),
        "interlaced": plain[:28] + b"\x01" + plain[29:],
        "garbage after the end": plain + b"garbage",
        "no end": plain[:-12],
        "no data": plain[:33] + plain[-12:],
        "two headers": plain[:33] + plain[8:33] + plain[33:],
        "JPEG": encode(rgb, "JPEG"),
        "JPEG turned by EXIF": encode(rgb, "JPEG", exif=rotated),
        "JPEG CMYK": encode(rgb.convert("CMYK"), "JPEG"),
        "WebP": encode(rgb, "WEBP"),
        "lossless WebP": encode(rgb, "WEBP", lossless=True),
        "too small": encode(rgb.crop((0, 0, 8, 40))),
        "nothing": b"",
        "only a signature": plain[:8],
    }


@pytest.mark.parametrize("name", odd_files())
def test_odd_files_are_read_as_pillow_reads_them(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    agree(monkeypatch, odd_files()[name])


def test_a_picture_too_large_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    huge = encode(Image.new("RGB", (10_000, 6_500)), compress_level=1)
    assert agree(monkeypatch, huge).reason == "too_large"


def test_damaged_files_are_refused_as_pillow_refuses_them(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(8)
    refused = 0
    for pixels, level in pictures(60):
        data = encode(Image.fromarray(pixels), compress_level=level)
        for cut in generator.integers(1, len(data), 4):
            refused += isinstance(agree(monkeypatch, data[:cut]), Problem)
        for place in generator.integers(8, len(data), 8):
            flipped = bytearray(data)
            flipped[place] ^= 1 << int(generator.integers(8))
            refused += isinstance(agree(monkeypatch, bytes(flipped)), Problem)
    assert refused > 500

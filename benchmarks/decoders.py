"""How fast the well-kept decoders are, and whether they give Pillow's pixels, on one core.

Run in an environment of its own, so that clipstore's stays small:

    python3 -m venv /tmp/decoders
    /tmp/decoders/bin/pip install numpy pillow opencv-python-headless imagecodecs pyspng
    /tmp/decoders/bin/pip install kornia-rs "pyvips[binary]"
    /tmp/decoders/bin/python benchmarks/decoders.py [ROUNDS]

Prints a Markdown table: for each kind of file the fastest of ROUNDS passes in milliseconds of
processor time, and "differs" where one value of one pixel is not Pillow's. Peers that are not
installed are left out. The results that the decoder in use was chosen from are in decoders.md.
"""

from __future__ import annotations

import io
import os
import platform
import sys
import threading
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

Pixels = NDArray[np.uint8]
Decode = Callable[[bytes], Pixels]


def photograph_like(height: int, width: int, seed: int) -> Pixels:
    """(height, width, 3): noise at every scale, as hard to compress as a photograph."""
    generator = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for octave in range(2, 9):
        side = 2**octave
        coarse = generator.normal(0, 1, (side, side * width // height, 3))
        layers = [
            np.asarray(
                Image.fromarray(coarse[..., channel].astype(np.float32)).resize(
                    (width, height), Image.Resampling.BICUBIC
                )
            )
            for channel in range(3)
        ]
        total += np.stack(layers, axis=2) * 60 / octave**1.5
    total += generator.normal(0, 3, total.shape)
    return np.clip(total + 128, 0, 255).astype(np.uint8)


def composite_like(side: int) -> Pixels:
    """Two panels, a separator and a footer: (side + 48, 2 * side + 6, 3)."""
    canvas = np.zeros((side + 48, 2 * side + 6, 3), dtype=np.uint8)
    canvas[:side, :side] = photograph_like(side, side, 1)
    canvas[:side, side : side + 5] = 200
    canvas[:side, side + 5 : 2 * side + 5] = photograph_like(side, side, 2)
    canvas[:side, -1] = 255
    return canvas


def encode(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def timed_files() -> dict[str, bytes]:
    """The kinds of file that trainers write, by name."""
    large, small = (Image.fromarray(photograph_like(side, side, 0)) for side in (1024, 512))
    return {
        "PNG 1024² RGB": encode(large, "PNG"),
        "PNG 512² RGB": encode(small, "PNG"),
        "PNG composite 2 × 1024²": encode(Image.fromarray(composite_like(1024)), "PNG"),
        "JPEG q95 1024²": encode(large, "JPEG", quality=95),
        "WebP q90 1024²": encode(large, "WEBP", quality=90),
        "WebP lossless 1024²": encode(large, "WEBP", lossless=True, method=0),
    }


def odd_files() -> dict[str, bytes]:
    """Modes and metadata that decoders read differently."""
    rgb = Image.fromarray(photograph_like(96, 96, 3))
    alpha = rgb.convert("RGBA")
    alpha.putalpha(Image.linear_gradient("L").resize((96, 96)))
    deep = Image.fromarray(np.arange(96 * 96, dtype=np.uint16).reshape(96, 96) * 7)
    rotated = Image.Exif()
    rotated[0x0112] = 6
    gamma = PngImagePlugin.PngInfo()
    gamma.add(b"gAMA", (100000).to_bytes(4, "big"))
    grey = rgb.convert("L")
    return {
        "palette": encode(rgb.quantize(64), "PNG"),
        "grey": encode(grey, "PNG"),
        "1 bit": encode(rgb.convert("1"), "PNG"),
        "grey and alpha": encode(alpha.convert("LA"), "PNG"),
        "16-bit grey": encode(deep, "PNG"),
        "alpha": encode(alpha, "PNG"),
        "transparent colour": encode(rgb, "PNG", transparency=(1, 2, 3)),
        "EXIF rotation": encode(rgb, "PNG", exif=rotated),
        "gamma chunk": encode(rgb, "PNG", pnginfo=gamma),
        "JPEG 4:4:4": encode(rgb, "JPEG", subsampling=0),
        "JPEG progressive": encode(rgb, "JPEG", progressive=True),
        "JPEG grey": encode(grey, "JPEG"),
        "JPEG CMYK": encode(rgb.convert("CMYK"), "JPEG"),
        "JPEG EXIF rotation": encode(rgb, "JPEG", exif=rotated),
    }


def with_pillow(data: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def png_size(data: bytes) -> tuple[int, int]:
    """Height and width."""
    return int.from_bytes(data[20:24], "big"), int.from_bytes(data[16:20], "big")


def peers() -> dict[str, Decode]:
    """The decoders that are installed, by name and version."""
    found: dict[str, Decode] = {f"Pillow {Image.__version__}": with_pillow}
    try:
        import cv2  # noqa: PLC0415

        cv2.setNumThreads(1)

        def with_cv2(data: bytes) -> Pixels:
            decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
            return np.ascontiguousarray(decoded[:, :, ::-1])

        found[f"cv2 {cv2.__version__}"] = with_cv2
    except ImportError:
        pass
    try:
        import imagecodecs  # noqa: PLC0415

        found[f"imagecodecs {imagecodecs.__version__}"] = lambda data: (
            imagecodecs.spng_decode(data)
            if data.startswith(b"\x89PNG")
            else imagecodecs.webp_decode(data)
            if data.startswith(b"RIFF")
            else imagecodecs.jpeg8_decode(data)
        )
    except ImportError:
        pass
    try:
        import pyspng  # noqa: PLC0415

        found[f"pyspng {pyspng.__version__}"] = lambda data: pyspng.load(data, "RGB")
    except ImportError:
        pass
    try:
        import kornia_rs  # noqa: PLC0415
        from kornia_rs import io as kornia_io  # noqa: PLC0415

        found[f"kornia-rs {kornia_rs.__version__}"] = lambda data: (
            kornia_io.decode_image_png_u8(data, png_size(data), "rgb")
            if data.startswith(b"\x89PNG")
            else kornia_io.decode_image_jpeg(data)
        )
    except ImportError:
        pass
    try:
        os.environ.setdefault("VIPS_CONCURRENCY", "1")  # read when it is loaded
        import pyvips  # noqa: PLC0415

        pyvips.cache_set_max(0)  # or the second pass would decode nothing

        def with_libvips(data: bytes) -> Pixels:
            image = pyvips.Image.new_from_buffer(data, "", access="sequential", fail_on="error")
            # As the other libraries' calls do where they are asked for RGB.
            return image.numpy() if image.bands > 2 else image.colourspace("srgb").numpy()

        found[f"libvips {'.'.join(str(pyvips.version(part)) for part in range(3))}"] = with_libvips
    except (ImportError, OSError):  # OSError: the binding without the library
        pass
    return found


def fastest_ms(decode: Decode, data: bytes, rounds: int) -> float:
    """Processor time of the fastest pass: the figure that other work on the machine moves least."""
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        decode(data)
        best = min(best, time.process_time() - started)
    return best * 1000


def releases_the_gil(decode: Decode, data: bytes) -> float:
    """Share of a decode during which another Python thread could run: 0 none, near 1 all."""
    ticks, stop = [0], threading.Event()

    def count() -> None:
        while not stop.is_set():
            ticks[0] += 1

    counter = threading.Thread(target=count, daemon=True)
    counter.start()
    time.sleep(0.1)
    free_from, free_at = ticks[0], time.perf_counter()
    time.sleep(0.3)
    free_rate = (ticks[0] - free_from) / (time.perf_counter() - free_at)
    busy_from, busy_at = ticks[0], time.perf_counter()
    for _ in range(8):
        decode(data)
    busy_rate = (ticks[0] - busy_from) / (time.perf_counter() - busy_at)
    stop.set()
    counter.join()
    return busy_rate / free_rate


def likeness(decode: Decode, data: bytes) -> str:
    expected = with_pillow(data)
    try:
        pixels = np.asarray(decode(data))
    except Exception as error:  # noqa: BLE001 - each library raises its own
        return f"no ({type(error).__name__})"
    if pixels.shape != expected.shape or pixels.dtype != np.uint8:
        return f"differs ({pixels.dtype} {pixels.shape})"
    off = np.abs(pixels.astype(int) - expected)
    return "same" if not off.any() else f"differs (up to {off.max()})"


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    files, decoders = timed_files(), peers()
    write = sys.stdout.write
    write(f"Python {platform.python_version()}, numpy {np.__version__}, best of {rounds}\n\n")
    write(f"| ms | {' | '.join(decoders)} |\n|---{'|---' * len(decoders)}|\n")
    for name, data in files.items():
        cells = []
        for decode in decoders.values():
            same = likeness(decode, data)
            if same.startswith("no"):
                cells.append("–")
            else:
                figure = f"{fastest_ms(decode, data, rounds):.1f}"
                cells.append(figure if same == "same" else f"{figure}, {same}")
        write(f"| {name} ({len(data) / 1e6:.1f} MB) | {' | '.join(cells)} |\n")
    large = files["PNG 1024² RGB"]
    shares = [f"{releases_the_gil(decode, large):.1f}" for decode in decoders.values()]
    write(f"| another thread's share during PNG 1024² | {' | '.join(shares)} |\n")
    write(f"\n| like Pillow | {' | '.join(decoders)} |\n|---{'|---' * len(decoders)}|\n")
    for name, data in odd_files().items():
        write(f"| {name} | {' | '.join(likeness(d, data) for d in decoders.values())} |\n")


if __name__ == "__main__":
    main()

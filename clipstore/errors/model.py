"""Failures of the model and of the device that computes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from clipstore.errors.base import ClipstoreError


class ModelMissing(ClipstoreError):
    """The weights are neither here nor to be had."""

    exit_code = 15

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"the model {name} is not available: {why}\n"
            "Pass --model FOLDER with config.json, model.safetensors and the tokenizer's files, "
            "or run once with network access and without --offline to download it."
        )


class ModelNameForeign(ClipstoreError):
    """A name that another library understands."""

    exit_code = 15

    def __init__(self, name: str, instead: Iterable[str]) -> None:
        """`instead`: lines that say what could be meant."""
        listed = "".join(f"\n  {line}" for line in instead)
        super().__init__(
            f"{name} names an architecture, as open_clip and OpenAI's package do, not where its "
            f"weights are. --model takes a hub id or a folder:{listed}"
        )


class ModelRefused(ClipstoreError):
    """The model's files are here but will not be loaded."""

    exit_code = 15

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"the model {name} was not loaded: {why}")


class DeviceMissing(ClipstoreError):
    """The device that was asked for is not on this machine."""

    def __init__(self, device: str, available: Sequence[str]) -> None:
        super().__init__(
            f"--device {device} was asked for, but torch finds only: {', '.join(available)}. "
            "Use --device auto, or install a torch build for that device."
        )


class DeviceFull(ClipstoreError):
    """The device has no memory left for a single picture."""

    def __init__(self, device: str) -> None:
        super().__init__(
            f"{device} ran out of memory with a single picture in the batch. What was scored is "
            "kept. End what else uses the device, or go on with --device cpu."
        )


class DeviceFailed(ClipstoreError):
    """The device broke down while it computed."""

    def __init__(self, device: str, why: str) -> None:
        super().__init__(
            f"{device} failed: {why}\nWhat was scored is kept; the same command goes on from "
            "there. If it fails again, --device cpu does without it."
        )

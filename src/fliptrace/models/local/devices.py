"""The devices of this machine, and whether they compute in bf16."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fliptrace.core.errors import InputError

if TYPE_CHECKING:
    import torch


def choose_device(device: str = "auto") -> torch.device:
    """Return the named device; "auto" picks the accelerator if there is one, else the CPU.

    InputError if there is no such device.
    """
    import torch

    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if device == "auto":
        return accelerator or torch.device("cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise InputError(f"device {device!r}", "no name of a device; expected auto, cpu, cuda or cuda:1") from None
    if chosen.type not in ("cpu", "meta"):
        num_devices = torch.accelerator.device_count() if accelerator and accelerator.type == chosen.type else 0
        if (chosen.index or 0) >= num_devices:
            here = f"{num_devices} of them" if num_devices else "none of its kind"
            raise InputError(f"device {device!r}", f"this machine has {here}; expected auto, cpu or one that it has")
    return chosen


def computes_bf16(device: str) -> bool:
    """Whether the device multiplies bf16 in hardware."""
    import torch

    if device == "cpu":
        supported: bool = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return supported
    return device.startswith("cuda") and torch.cuda.is_bf16_supported(including_emulation=False)

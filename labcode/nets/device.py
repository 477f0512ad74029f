"""Which device trains: ``LABCODE_DEVICE``, else a GPU where there is one, else the CPU."""

from __future__ import annotations

import torch

from labcode import settings
from labcode.errors import LabcodeError, quoted


def pick_device(name: str | None = None) -> torch.device:
    """The device to train on: ``name``, such as ``"cuda:1"``, else ``LABCODE_DEVICE``, else a GPU, else the CPU.

    `LabcodeError` if torch does not know the name, or this machine has no such device.

    >>> pick_device("cpu")
    device(type='cpu')
    """
    asked = name or settings.device_name()
    if asked is None:
        return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")
    try:
        device = torch.device(asked)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = quoted(str(error).partition("\n")[0], 300)
        raise LabcodeError(
            f"The device {quoted(asked)} cannot be used here ({reason}); set LABCODE_DEVICE or `device` to 'cpu', or "
            "to 'cuda' on a machine whose GPU this PyTorch supports."
        ) from error
    return torch.device("cuda", torch.cuda.current_device()) if asked == "cuda" else device


def describe_device(device: torch.device) -> str:
    """Name of the device for results and tables, such as ``"cpu"`` or ``"cuda (NVIDIA H200)"``.

    >>> describe_device(torch.device("cpu"))
    'cpu'
    """
    if device.type != "cuda":
        return device.type
    return f"cuda ({torch.cuda.get_device_name(device)})"

"""How MONAI's engines call the network: in full or in mixed precision."""

from collections.abc import Callable
from typing import Any

import torch
from monai.inferers import SimpleInferer

from dibmg_monai.errors import truth


class MixedPrecisionInferer(SimpleInferer):
    """Calls the network under ``torch.autocast`` with bfloat16, on CUDA devices and processors alike.

    The engines' own ``amp`` knows CUDA alone, and its float16 needs a loss scaler that a checkpoint would have to keep;
    bfloat16 has the range of float32 and needs none.

    Args:
        amp: mixed precision; False calls the network as it is.

    Raises:
        DibmgError: if ``amp`` is neither True nor False.
    """

    def __init__(self, *, amp: bool = False) -> None:
        super().__init__()
        self.amp = truth(amp, name="amp")

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Images (B, 4, S, S) -> what the network makes of them, class maps (B, 8, h, w)."""
        with torch.autocast(inputs.device.type, dtype=torch.bfloat16, enabled=self.amp):
            maps: torch.Tensor = super().__call__(inputs, network, *args, **kwargs)
        return maps

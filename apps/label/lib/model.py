"""The model as it is now: the bundle's, and once training has found better weights, with these."""

from pathlib import Path

from dibmg_monai.inference import Predictor
from dibmg_monai.weights import load_predictor


class Model:
    """The predictor that everything here uses.

    Args:
        bundle: the bundle's folder.
        weights: other weights to begin with, as ``load_predictor`` takes them; None: the bundle's own.
        work: the folder where training publishes weights, ``model.pt`` with ``model.yaml`` beside it.
    """

    def __init__(self, bundle: Path, *, weights: Path | None, work: Path) -> None:
        self.bundle = bundle
        self.trained = work / "model.pt"
        self.first = weights
        self._loaded: tuple[object, Predictor] | None = None

    @property
    def weights(self) -> Path | None:
        """The weights file in use; None: the bundle's own."""
        return self.trained if self.trained.exists() else self.first

    def predictor(self) -> Predictor:
        """The predictor, loaded again when training has published other weights.

        Raises:
            ModelError: if there is no such bundle, or its weights do not fit.
        """
        path = self.weights
        state = (path, path.stat().st_mtime_ns if path and path.exists() else None)
        if self._loaded is None or self._loaded[0] != state:
            self._loaded = (state, load_predictor(self.bundle, model_path=path))
        return self._loaded[1]

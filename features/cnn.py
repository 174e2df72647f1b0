"""CNN embeddings with LiteRT, without TensorFlow."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifuse.features.backbones import BackboneError
from trifuse.features.grid import LocalDescriptors
from trifuse.features.quiet import silenced_stderr
from trifuse.features.resize import resize


class CnnEmbedder:
    """Embed images, on one thread, with a network that was exported to LiteRT.

    The interpreter is made when it is first needed, and an embedder pickles as the bytes it was
    made from, so that every worker process has its own. Threads must not share one.

    Parameters
    ----------
    tflite
        What :func:`trifuse.features.keras_backbones.export_litert` returned.
    """

    def __init__(self, tflite: bytes) -> None:
        self.tflite = tflite
        self._runner: Any = None

    def __reduce__(self) -> tuple[type["CnnEmbedder"], tuple[bytes]]:
        return CnnEmbedder, (self.tflite,)

    @property
    def input_size(self) -> tuple[int, int]:
        """(rows, columns) that images are resized to.

        Raises
        ------
        BackboneError
            As :meth:`embed`.
        """
        _, rows, columns, _ = self._signature().get_input_details()["image"]["shape"]
        return int(rows), int(columns)

    def embed(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Embed one image, resized whole to the network's input size, whatever its aspect.

        Parameters
        ----------
        image
            RGB, uint8 (rows, columns, 3).

        Returns
        -------
        embedding : float32 (d,)
            The spatial mean of the network's last feature map.
        feature_map : float32 (h, w, c)
            The output of the backbone's ``feature_layer``; h and w, about the input size / 16.

        Raises
        ------
        BackboneError
            If the bytes are no network that :func:`~trifuse.features.keras_backbones.export_litert`
            wrote.
        """
        pixels = resize(image, self.input_size).astype(np.float32)
        outputs = self._signature()(image=pixels[np.newaxis])
        return outputs["embedding"][0], outputs["feature_map"][0]

    def _signature(self) -> Any:
        if self._runner is None:
            self._runner = _signature_runner(self.tflite)
        return self._runner


def map_descriptors(feature_map: NDArray[np.float32]) -> LocalDescriptors:
    """Take each cell of a feature map, (rows, columns, d), for a local descriptor.

    Values have unit L2 norm, or are zero; positions are the cells' centres.
    """
    rows, columns, dimension = feature_map.shape
    values = feature_map.reshape(-1, dimension)
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    values = np.divide(values, norms, out=np.zeros_like(values), where=norms > 0)
    positions = np.empty((rows, columns, 2), dtype=np.float32)
    positions[:, :, 0] = ((np.arange(rows) + 0.5) / rows - 0.5)[:, None]
    positions[:, :, 1] = (np.arange(columns) + 0.5) / columns - 0.5
    return LocalDescriptors(values, positions.reshape(-1, 2))


def _signature_runner(tflite: bytes) -> Any:
    # Here, because it takes a third of a second that only scoring needs.
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(model_content=tflite, num_threads=1)
        with silenced_stderr():  # it announces its delegate
            interpreter.allocate_tensors()
        runner = interpreter.get_signature_runner()
    except (ValueError, RuntimeError, TypeError, MemoryError) as error:  # of damaged networks
        raise BackboneError(
            f"the exported CNN is no network that LiteRT can run ({_first_line(error)}); "
            "export it again"
        ) from error
    _check_signature(runner)
    return runner


def _check_signature(runner: Any) -> None:
    described = {
        name: (len(tensor["shape"]), tensor["dtype"])
        for details in (runner.get_input_details(), runner.get_output_details())
        for name, tensor in details.items()
    }
    expected = {
        "image": (4, np.float32),
        "embedding": (2, np.float32),
        "feature_map": (4, np.float32),
    }
    if described != expected or _batch_and_channels(runner) != (1, 3):
        raise BackboneError(
            "the exported CNN does not turn one RGB image into an embedding and a feature map; "
            "export it with trifuse"
        )


def _batch_and_channels(runner: Any) -> tuple[int, int]:
    batch, _, _, channels = runner.get_input_details()["image"]["shape"]
    return int(batch), int(channels)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")

"""Networks exported to LiteRT, run on one thread and without TensorFlow: embeddings, classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from trifuse.features.backbones import BackboneError
from trifuse.features.quiet import silenced_stderr
from trifuse.features.resize import resize


class LitertNetwork:
    """A network from one RGB image to named float32 arrays.

    The interpreter is made when it is first needed, and a network pickles as the bytes it was made
    from, so that every worker process has its own. Threads must not share one.

    Parameters
    ----------
    tflite : bytes
        What :func:`trifuse.features.keras_backbones.export_litert` returned.
    """

    OUTPUTS: ClassVar[Mapping[str, int]]
    """The arrays that it gives, and the number of axes of each, that of the batch included."""

    def __init__(self, tflite: bytes) -> None:
        self.tflite = tflite
        self._runner: Any = None

    def __reduce__(self) -> tuple[type[Self], tuple[bytes]]:
        return type(self), (self.tflite,)

    @property
    def input_size(self) -> tuple[int, int]:
        """(rows, columns) that images are resized to.

        Raises
        ------
        BackboneError
            As :meth:`run`.
        """
        _, rows, columns, _ = self._signature().get_input_details()["image"]["shape"]
        return int(rows), int(columns)

    def run(self, image: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Give the outputs for one image, resized whole to the input size, whatever its aspect.

        Parameters
        ----------
        image : ndarray of uint8, shape (rows, columns, 3)
            RGB.

        Raises
        ------
        BackboneError
            If the bytes are no network of this kind.
        """
        pixels = resize(image, self.input_size).astype(np.float32)
        outputs = self._signature()(image=pixels[np.newaxis])
        return {name: outputs[name][0] for name in self.OUTPUTS}

    def _signature(self) -> Any:
        if self._runner is None:
            self._runner = _signature_runner(self.tflite, self.OUTPUTS)
        return self._runner


class CnnOutputs(NamedTuple):
    """What a backbone says of one image.

    Attributes
    ----------
    feature_map : ndarray of float32, shape (h, w, c)
        The output of the backbone's ``feature_layer``; h and w, about the input size / 16.
    last_map : ndarray of float32, shape (h', w', d)
        The last feature map.
    """

    feature_map: NDArray[np.float32]
    last_map: NDArray[np.float32]

    @property
    def embedding(self) -> NDArray[np.float32]:
        """The spatial mean of `last_map`, (d,)."""
        # Not of the network, which would give it in 8 bits where its maps have them.
        mean: NDArray[np.float32] = self.last_map.mean(axis=(0, 1), dtype=np.float64)
        return mean.astype(np.float32)


class CnnEmbedder(LitertNetwork):
    """Embeds images with a backbone of :func:`~trifuse.features.keras_backbones.build_backbone`."""

    OUTPUTS: ClassVar = dict.fromkeys(CnnOutputs._fields, 4)

    def embed(self, image: NDArray[np.uint8]) -> CnnOutputs:
        """Embed one RGB image, uint8 (rows, columns, 3); raises as :meth:`run`."""
        return CnnOutputs(**self.run(image))


class CnnClassifier(LitertNetwork):
    """Classifies images with a fine-tuned network.

    See :func:`trifuse.training.networks.network.export_network`.
    """

    OUTPUTS: ClassVar = {"class_map": 4}

    @property
    def n_classes(self) -> int:
        """The number of classes.

        Raises
        ------
        trifuse.features.backbones.BackboneError
            As :meth:`run`.
        """
        return int(self._signature().get_output_details()["class_map"]["shape"][-1])

    def class_map(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Give the class activation map of one RGB image, uint8 (rows, columns, 3).

        Returns
        -------
        ndarray of float32, shape (h, w, n_classes)
            Its spatial mean is the logits.

        Raises
        ------
        trifuse.features.backbones.BackboneError
            As :meth:`run`.
        """
        return self.run(image)["class_map"]


def _signature_runner(tflite: bytes, outputs: Mapping[str, int]) -> Any:
    # Here, because it takes a third of a second that only scoring needs.
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(model_content=tflite, num_threads=1)
        with silenced_stderr():  # it announces its delegate
            interpreter.allocate_tensors()
        runner = interpreter.get_signature_runner()
    except (ValueError, RuntimeError, TypeError, MemoryError) as error:  # of damaged networks
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise BackboneError(
            f"the exported CNN is no network that LiteRT can run ({reason}); export it again"
        ) from error
    _check_signature(runner, outputs)
    return runner


def _check_signature(runner: Any, outputs: Mapping[str, int]) -> None:
    inputs = runner.get_input_details()
    described = {
        name: (len(tensor["shape"]), tensor["dtype"])
        for details in (inputs, runner.get_output_details())
        for name, tensor in details.items()
    }
    expected = {name: (rank, np.float32) for name, rank in {"image": 4, **outputs}.items()}
    is_whole = len(inputs) == 1 and expected.items() <= described.items()  # it may give more
    # Batches of one, three channels.
    if not is_whole or tuple(inputs["image"]["shape"][::3]) != (1, 3):
        raise BackboneError(
            f"the exported CNN does not turn one RGB image into {' and '.join(outputs)}; "
            "export it with trifuse"
        )

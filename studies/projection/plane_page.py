"""The plane as a page: pictures under the pointer, colours by class or by error."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from trifuse.features.files import strip_path
from trifuse.features.libraries import need_extra
from trifuse.studies.page import allow, json_for_page, render_page
from trifuse.studies.projection.plane import ImageMap
from trifuse.studies.projection.plane_figure import choose_looks

if TYPE_CHECKING:
    from bokeh.models import ColumnDataSource, Tabs
    from bokeh.plotting import figure

BOKEH_MARKERS = {"o": "circle", "s": "square", "^": "triangle", "D": "diamond",
           "v": "inverted_triangle", "P": "plus", "X": "x"}  # fmt: skip
"""Bokeh's names for those of `trifuse.studies.figures`."""
RIGHT = ("right", "#999999", 0.4)
WRONG = ("wrong", "#d55e00", 0.9)
SHOWN_AT_ONCE = 4
"""Images under the pointer that are shown: where points are dense, all would fill the screen."""
TOOLTIP = """
<div style="display: flex; gap: 8px; align-items: center">
<img src="@thumbnail" alt="">
<div><b>@name</b><br>@label<br>@outcome: @predicted</div>
</div>
"""


def render_map(image_map: ImageMap) -> str:
    """Render a page that holds everything: the points, the pictures, and Bokeh's program.

    The page lets run the scripts that it was made with and no others: its content security
    policy names them by their SHA-256.

    Parameters
    ----------
    image_map : ImageMap

    Returns
    -------
    str
        HTML, the same for the same images.

    Raises
    ------
    ProjectionError
        If there are too many classes, see `choose_looks`.
    trifuse.features.libraries.ExtraError
        If Bokeh or Jinja is not installed.
    """
    with need_extra("studies"):
        from bokeh.embed import json_item
        from bokeh.resources import Resources
        from markupsafe import Markup

    item = _renumber(json_item(_draw_tabs(image_map), "map"))
    data = json_for_page(item)
    show = f'Bokeh.logger.set_level("error"); Bokeh.embed.embed_item({data});'
    # What follows the program itself would set the level of its messages, and tell the console.
    scripts = [Resources(mode="inline", components=["bokeh"]).js_raw[0], show]
    allowed = " ".join(map(allow, scripts))
    return render_page(
        "projection.html",
        image_map.title,
        caption=image_map.caption,
        scripts=[Markup(script) for script in scripts],  # noqa: S704
        allowed=Markup(allowed),  # noqa: S704
    )


def _draw_tabs(image_map: ImageMap) -> Tabs:
    """Draw the points twice, over one source and in one window, so that zooming goes along."""
    from bokeh.models import ColumnDataSource, TabPanel, Tabs

    images = image_map.images
    looks = choose_looks([name for name in images.table.classes if name in images.table.labels])
    source = ColumnDataSource(
        {
            "x": image_map.points[:, 0],
            "y": image_map.points[:, 1],
            "name": [strip_path(str(path)) for path in images.table.paths],
            "label": list(images.table.labels),
            "predicted": list(images.predicted),
            "outcome": [
                RIGHT[0] if predicted == label else WRONG[0]
                for predicted, label in zip(images.predicted, images.table.labels, strict=True)
            ],
            "marker": [BOKEH_MARKERS[looks[label][1]] for label in images.table.labels],
            "thumbnail": list(images.thumbnails),
        }
    )
    by_class = _plot()
    for name, (color, _) in looks.items():
        _add_points(by_class, source, ("label", name), color, 0.75)
    by_error = _plot(x_range=by_class.x_range, y_range=by_class.y_range)
    for name, color, alpha in (RIGHT, WRONG):
        _add_points(by_error, source, ("outcome", name), color, alpha)
    panels = {"Colour by class": by_class, "Colour by error": by_error}
    for plot in panels.values():
        plot.legend.click_policy = "hide"
        plot.add_layout(plot.legend[0], "right")
    return Tabs(tabs=[TabPanel(child=plot, title=title) for title, plot in panels.items()])


def _plot(**ranges: Any) -> figure:
    from bokeh.models import HoverTool
    from bokeh.plotting import figure

    plot = figure(
        width=1000,
        height=700,
        match_aspect=True,
        tools="pan,wheel_zoom,box_zoom,reset",
        active_scroll="wheel_zoom",
        **ranges,
    )
    plot.add_tools(HoverTool(tooltips=TOOLTIP, limit=SHOWN_AT_ONCE))
    plot.axis.visible = False
    plot.grid.visible = False
    plot.toolbar.logo = None
    return plot


def _add_points(
    plot: figure, source: ColumnDataSource, group: tuple[str, str], color: str, alpha: float
) -> None:
    from bokeh.models import CDSView, GroupFilter

    column, value = group
    n_points = Counter(source.data[column])[value]
    if n_points:
        plot.scatter(
            "x",
            "y",
            source=source,
            view=CDSView(filter=GroupFilter(column_name=column, group=value)),
            marker="marker",
            size=6,
            color=color,
            alpha=alpha,
            legend_label=f"{value} ({n_points:,})",
        )


def _renumber(item: Any) -> Any:
    """Count Bokeh's models from 0: it counts on through the life of the process."""
    numbers: dict[str, str] = {}

    def rename(found: dict[str, Any]) -> dict[str, Any]:
        for key in {"id", "root_id"} & found.keys():
            found[key] = numbers.setdefault(found[key], f"p{len(numbers)}")
        return found

    return json.loads(json.dumps(item), object_hook=rename)

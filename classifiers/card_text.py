"""The words of the model card, whose sections are those of model cards (Mitchell et al. 2019) [1]_.

References
----------
.. [1] M. Mitchell et al., "Model cards for model reporting", FAT* 2019.
"""

TEMPLATE = """\
# A trifuse model

A research model that ranks images by {n_classes} classes. It is not a medical device and must
not be used to diagnose or treat anybody.

## Intended use

- **For** research, and for sorting archives of images like those that it was trained on: which
  classes are probable, and which images a person should look at first.
- **Not for** decisions about a person; nor for images of other devices, people or kinds before
  it was measured on some of these with known labels; nor for other classes than those below.

## Data

{classes}

{images} images of {groups} groups (images of one group were never separated).
Fingerprint of images and labels: `{fingerprint}`.{unread}

## How it was fitted

{fitting}

Fingerprint of the recipe: `{recipe_fingerprint}`.
Every choice of it is in `model.json` within the model file.

## Out-of-fold performance

Each image was scored by members that had not seen its group. Codebooks and principal
components, which see no labels, were shared. The calibrations of the members, a temperature and a
number a class, were chosen on these same scores; how members are pooled (weights, what the classes
say of each other, biases, metadata) on those of the other folds.{networks}{doubts}

{metrics}
{by_class}
Intervals are of 95 %, by bootstrap over the groups; they hold the chance in the images that were
scored, not in those that were trained on. The ECE is debiased.
{calibration}
## Doubt

{doubt}
{reasons}{alerts}
## Limits

- The figures hold for images like the training archive's, in its shares of the classes. On other
  people, devices or places it may do worse; by how much only labelled images from there tell.
- Unless a table here tells it, no figure is of one age, sex, skin type or device: a group of
  people in whom the model fails would not show.
- It names one of its classes for any image. That an image is of none of them is told by the
  reason `unfamiliar` at most, and not reliably.

## Licence

A model is made of its images: what their licence asks of works made from them, this model asks
too. The code of trifuse is under the MIT licence.

## Made with

{versions}
"""


NETWORKS = """

{networks}
They have seen most of the images; the figures here, the members' weights, the network's
calibration and the prediction sets come from the {images} images of {groups} groups that they
have not seen.\
"""

CROSS_FITTED = """

{networks}
Each image was scored by those that had not seen its group; new ones get the mean of all.\
"""

DOUBT = """\
In each class the prediction set of {promised} of the images is to hold the class, and {alarms} of
the images are to be called unfamiliar by mistake. So it was out of fold, each fold under the
bounds that the others gave:

{coverage}

A set held {set_size:.2f} classes on average, and more than {large} for {large_sets} of the images;
{false_alarms} of the images were called unfamiliar. Classes of fewer than {many} groups get wider
sets, lest chance in so few break the promise. All this is for images like the training archive's.\
{strata}{alone}\
"""

ALONE = (
    "Were nothing known of these images beside their pixels, {coverage} of the sets would hold the "
    "class, and {set_size:.2f} classes on average."
)

STRATA = """

The promise is also for the images of each class in groups by {columns}, where there are enough:

{table}\
"""


BY_CLASS = """
Of the ensemble, class by class:

{table}
"""

CALIBRATION = """
How often the first class was right, where it was given such a probability:

{table}
"""

REASONS = """
How often the first class was wrong where a reason called for a look (`uncertain`: more than {large}
classes in the set), how many times as often as everywhere, and the share of all mistakes that it
finds. A reason whose interval holds 1 finds mistakes no better than chance does:

{table}{unseen}
"""

UNSEEN = """

`low-quality`, which pixels alone tell, is not counted here.\
"""

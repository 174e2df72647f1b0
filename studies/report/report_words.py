"""All that the page of a night says, in English, and nothing else: to be translated in one place.

A name in braces is filled in; what stands behind it is a format of Python's in `HEAD`, and in
`BENCH` it is filled in by the page's own program, which knows no formats.
"""

HEAD = {
    "heading": "The night of {date}",
    "heading_undated": "A night's predictions",
    "scored": "Scored",
    "period": "{start} to {end} UTC",
    "speed": "{rate:,.1f} images a second",
    "model": "Model",
    "digest": "SHA-256 {digest:.16}…",
    "file": "Predictions",
    "no_manifest": "There is no manifest beside this file: when, by which model and how fast it "
    "was scored is not known.",
    "images": "images",
    "unread": "could not be read",
    "flagged": "to be looked at",
    "sure": "are sure, at 90 % or more",
    "classes": "Classes",
    "classes_note": "By the most probable class of each image, beside the training archive's.",
    "classes_alone": "By the most probable class of each image.",
    "class": "class",
    "night": "night",
    "training": "training",
    "certainty": "How sure",
    "certainty_note": "Images by the probability of their first class.",
    "certainty_bar": "{low} to {high} %: {count:,} images",
    "reasons": "Why to look",
    "reasons_note": "An image may have several reasons. Expected is what training promises for new "
    "images like its own.",
    "reason": "reason",
    "share": "share",
    "expected": "expected",
    "no_reasons": "No image has a reason.",
    "errors": "What could not be read",
    "next": "What to do next",
    "do_errors": "{count:,} images could not be read, most of them for this reason: {kind}. Put "
    "the files right, and give the same command with --retry-errors.",
    "do_unfamiliar": "{share:.1%} of the images do not look like the training archive, where "
    "{expected:.1%} are expected. Look at these first: if they are sound pictures of what you "
    "photograph, the model does not know your pictures, and its other answers deserve doubt too.",
    "do_familiar": "As many images look unlike the training archive as training promises, "
    "or fewer: {share:.1%}, where {expected:.1%} are expected.",
    "do_shares": "The night's classes are not those of training ({name}: {night:.0%} instead of "
    "{training:.0%}). If that is your archive's way, tell --prior its shares; if not, look at "
    "images of this class.",
    "do_known": "The model was trained on {count:,} of these very images: what it says of them "
    "tells nothing of new ones.",
    "do_look": "Go through the {count:,} images below that have a reason, accept or correct each, "
    "and save corrections.csv.",
    "do_sample": "No image has a reason to be looked at. Look at some of the least sure below.",
    "listed": "The {count:,} most doubtful of {total:,} images are listed here; the figures above "
    "are of all.",
    "noscript": "The list of images needs JavaScript, which this browser does not run.",
    "bench": "Images",
}
"""Of the head."""

BENCH = {
    "search": "Find in names",
    "label": "Class",
    "reason": "Reason",
    "status": "Status",
    "sort": "Order",
    "all": "all",
    "any_reason": "any reason",
    "no_reason": "no reason",
    "status_read": "could be read",
    "status_unread": "could not be read",
    "status_open": "to be decided",
    "status_decided": "decided",
    "status_accept": "accepted",
    "status_change": "corrected",
    "status_unsure": "unsure",
    "sort_alert": "alerts first",
    "sort_doubt": "doubts first",
    "sort_unsure": "least sure first",
    "sort_sure": "surest first",
    "sort_name": "by name",
    "sort_file": "as in the file",
    "shown": "{count} of {total} images",
    "shown_one": "1 of {total} images",
    "done": "{count} decided",
    "none": "No image fits these filters.",
    "list": "Images",
    "place": "{place} of {count}",
    "larger": "Larger",
    "evidence": "Evidence",
    "evidence_note": "What speaks for {name} (orange) and against it (blue).",
    "close": "Close",
    "no_picture": "no picture here",
    "picture": "The image {name}",
    "picture_evidence": "The evidence in the image {name}",
    "probabilities": "Most probable classes",
    "prediction_set": "Prediction set",
    "prediction_set_note": "made to hold the right class of {share} % of the images of each class",
    "no_set": "none",
    "alert": "alert {alert}",
    "alert_note": "It reaches the point that finds {share} % of what is to be found.",
    "why": "Why to look",
    "no_why": "No reason was found.",
    "unread": "Could not be read",
    "decide": "Your decision",
    "accept": "Accept",
    "accept_class": "Accept {name}",
    "unsure": "Unsure",
    "undo": "Undo",
    "or": "or another class",
    "remark": "Remark",
    "by": "Your name or initials",
    "save": "Save corrections.csv",
    "keys": "Single keys",
    "previous": "Previous",
    "next": "Next",
    "said_accept": "{image}: {label} accepted.",
    "said_change": "{image}: corrected to {label}.",
    "said_unsure": "{image}: unsure.",
    "said_undo": "{image}: decision taken back.",
    "said_nothing": "There is nothing to take back.",
    "said_saved": "{count} decisions saved in corrections.csv.",
    "said_unsaved": "This browser keeps nothing: save corrections.csv before you close the page.",
    "mark_accept": "accepted",
    "mark_change": "corrected to {label}",
    "mark_unsure": "unsure",
    "help": "Keys",
    "keys_list": [
        ["J", "next"], ["K", "previous"], ["A", "accept"], ["1…9", "another class"],
        ["U", "unsure"], ["Z", "undo"], ["R", "remark"], ["L", "larger"], ["E", "evidence"],
        ["/", "find"],
    ],
    "printed": "The first {count} of {total} images",
    "reasons": {
        "unfamiliar": ["unfamiliar", "It does not look like the training archive: its "
                       "probabilities mean nothing."],
        "uncertain": ["uncertain", "More classes are possible than are named here."],
        "prior-conflict": ["prior conflict", "The shares of the prior speak for the first class, "
                           "and the image itself against it."],
        "low-quality": ["low quality", "The picture has flaws"],
        "training-image": ["training image", "The model was trained on this very file and knows it "
                           "by heart."],
    },
}  # fmt: skip
"""Of the list of images and what is done with it."""

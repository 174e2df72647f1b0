"""What can go wrong in a fine-tuning."""


class FinetuningError(ValueError):
    """A fine-tuning that cannot begin or go on; the message says what to do."""

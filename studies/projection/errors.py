"""What cannot be projected."""


class ProjectionError(ValueError):
    """Images that cannot be projected as asked; the message says why and what to do."""

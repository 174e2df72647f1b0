"""Networks that are fine-tuned on an archive."""

"""Fine-tuning a network by itself: its epochs judged on validation images, and a report."""

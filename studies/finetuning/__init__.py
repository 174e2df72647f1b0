"""Fine-tuning: a pretrained network learns the classes of an archive."""

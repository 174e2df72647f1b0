"""What a fine-tuning leaves for people: its figures, its learning curves, its confusions."""
from pathlib import Path
def write_report(folder, trainer, validation):
    pass

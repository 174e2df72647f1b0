"""Where each stream looked: a class's score, told apart into places of the image."""

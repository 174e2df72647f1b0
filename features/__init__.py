"""An image becomes arrays: RGB pixels, local descriptors, CNN embeddings."""

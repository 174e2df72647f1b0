"""Search over the recipe, with the figures of images that the search did not see."""

"""Images as points of a plane, by a block or by what a model says of them."""

"""Images that show the same thing: found by their keypoints, told, and kept together."""

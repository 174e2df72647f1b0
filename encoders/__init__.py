"""Many local descriptors become one vector, and vectors are fused."""

"""A browser goes through the open sandbox, and leaves a picture of each scene, in the light and in the dark."""

"""The pages of segments: the list, and the builder in which whom one means is put together."""

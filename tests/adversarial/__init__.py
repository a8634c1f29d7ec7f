"""What the world does to an ingester: the numbered cases of the gateway study, end to end, one named test each."""

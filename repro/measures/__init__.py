"""What a trained network shows: one file a task, pure functions of weights and outputs, one value a replica."""

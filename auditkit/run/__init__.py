"""From requests to outputs: plan, executors, and the loop that journals every answer. Integers, no tensors."""

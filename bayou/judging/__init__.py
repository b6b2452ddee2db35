"""What a trace amounts to: whether promises were kept, and whether the run can be had again."""

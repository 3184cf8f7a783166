"""What the company knows. No web framework, no task queue, no commit."""

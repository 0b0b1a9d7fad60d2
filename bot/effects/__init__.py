"""Effects that happen once, although the handler that causes them may run twice."""

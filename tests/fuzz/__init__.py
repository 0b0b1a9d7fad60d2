"""Hostile input: every parser of bytes that somebody else wrote, under structure-aware mutation.

A surface (`tests.fuzz.surface`) names the inputs of one parser and checks one of them: nothing is
raised but the surface's own error class, nothing takes longer than a second, memory is bounded.
`./test.sh` runs a few inputs and the corpus, `python -m bench.fuzz` as many as asked for.
"""

"""Inside a trained model: read its states, exchange them, and mark what was concluded.

A **state** is what a part of the model hands on, (B, T, C) numbers. ``hooks`` reads
states and exchanges them. ``pairs`` tells stories twice, with one fact changed, so that
an exchange can be measured. ``probes`` asks what can be read out of states, beside what
a probe learns by heart. ``features`` takes states apart into sparse features, and marks
these against what the world knows.

Floors: stands on ``model`` and the world.
"""

"""Encoders: masked models, classifiers, taggers, span question answering, sentence encoders."""

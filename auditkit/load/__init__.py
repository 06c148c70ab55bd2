"""From a folder of rows to samples and requests: packs, readers, prompt templates, sampling."""

"""Training of the lifters. Imports the models, never the reverse; not part of the extension zip."""

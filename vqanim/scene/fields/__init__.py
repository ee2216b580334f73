"""The types of the fields of a scene, one file a family: how values are read, written and described."""

"""Programs for other libraries: the same array instructions, in their words."""

"""Small samples in the publishers' own formats, written by the tests."""

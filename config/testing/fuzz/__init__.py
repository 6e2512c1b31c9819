"""Mutated DBN files, loaded one after another in a child process, and compared with plain Python."""

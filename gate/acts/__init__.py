"""What a verb does with more than one room: one file an act, in the words of the command."""

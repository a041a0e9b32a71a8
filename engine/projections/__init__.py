"""Tables that queries read: folded from the journal, thrown away and made again at will."""

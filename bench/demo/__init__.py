"""The demo: the whole corridor as real processes, from a declared parcel to paid merchants."""

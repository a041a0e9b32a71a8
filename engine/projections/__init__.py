"""Disposable folds of the journal for queries."""

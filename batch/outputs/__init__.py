"""What is written: rows in a format, the journal that a run resumes from, its manifest."""

"""The morning after a batch job: its predictions as a page, the doubtful images first."""

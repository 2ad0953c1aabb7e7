"""Looking into an archive: its days, its objects, and what one object holds. Nothing is changed."""

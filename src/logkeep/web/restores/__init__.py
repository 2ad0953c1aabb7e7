"""What the pages of restores are made of, apart from their templates."""

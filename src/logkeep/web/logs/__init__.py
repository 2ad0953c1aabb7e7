"""What the page of logs is made of, apart from its templates."""

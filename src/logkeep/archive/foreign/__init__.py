"""Archives that other systems wrote, read as they are: one file per layout, all named in layouts.py."""

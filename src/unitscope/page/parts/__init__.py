"""Parts of pages: a module each, found by the door of parts."""

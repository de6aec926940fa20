"""Pages over HTTP, on this machine: what ``unitscope view`` serves."""

"""``python -m unitscope``: the command line."""

from unitscope.cli.main import run

if __name__ == "__main__":
    run()

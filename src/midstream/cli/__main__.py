"""`python -m midstream.cli`."""

from midstream.cli import main

main()

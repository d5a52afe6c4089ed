"""`python -m midstream._cli`."""

from midstream._cli import main

main()

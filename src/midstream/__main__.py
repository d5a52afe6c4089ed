"""`python -m midstream`, where the command `midstream` is not on the path."""

from midstream._cli import main

main()

"""What the boards and rules are made from: `python dashboards/generate.py` writes them."""

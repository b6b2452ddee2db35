"""The store as a family of scenarios: its commands, its pace, its machines, random scenarios, judges."""

"""The language of scenarios: lines and fields, commands, what they print, and what was expected of that."""

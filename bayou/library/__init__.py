"""The store within a program: a replica that it embeds, and sessions with servers. ``import bayou`` shows
what of this is for users."""

"""What sessions seldom ask of a server, and what answers it: imported with the first of them."""

from __future__ import annotations

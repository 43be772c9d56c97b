"""Which pretrained model should I take for my task, adapted how, at what cost - and how sure are we?"""

from __future__ import annotations

__version__ = "0.1.0"

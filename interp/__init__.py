"""Which attention heads carry information from one token to another, exactly and with error bars."""

__version__ = "0.1.0"

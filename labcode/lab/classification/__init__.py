"""The lab on failing machines."""

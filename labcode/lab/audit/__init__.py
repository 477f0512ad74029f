"""The audit: every figure of our first version beside ours, and every conclusion with what holds of it."""

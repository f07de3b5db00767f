"""Code that somebody wrote to get hold of customers' data: an addon, server actions, templates."""

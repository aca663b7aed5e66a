"""How each program that is not Python is had: found, asked of apt, built, or fetched by a package client."""

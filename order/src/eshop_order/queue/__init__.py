"""The order queue: its messages, the consumer, placing what it polls, dead letters."""

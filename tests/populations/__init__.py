"""Agent cases that policies name: how to build one agent and how to step it."""

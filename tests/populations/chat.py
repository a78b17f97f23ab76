"""Chat contexts of autogen-core 0.7.5 that say they buffer ten messages.

`BufferedChatCompletionContext(buffer_size=10)` hands out the last ten messages and keeps every one, so
these agents grow by a message a step.
"""

from autogen_core.model_context import BufferedChatCompletionContext
from autogen_core.models import UserMessage


async def build(index: int) -> BufferedChatCompletionContext:
    """Build a context with its first message."""
    context = BufferedChatCompletionContext(buffer_size=10)
    await context.add_message(UserMessage(content=f"begin {index}", source="user"))
    return context


async def step(agent: BufferedChatCompletionContext) -> None:
    """Say one thing more, and read what a model would be given."""
    await agent.add_message(UserMessage(content="and then", source="user"))
    given = await agent.get_messages()
    assert len(given) <= 10

"""A chat that remembers: what was said on a thread lives in the server's Postgres.

It needs no model and no key. Each run answers with what it has heard on this thread so far and
with the version of the app, so that a roll-out can be seen from outside.
"""

import asyncio
import operator
import os
from pathlib import Path
from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph

VERSION = (Path(__file__).parent / "VERSION").read_text().strip()
THINKING_S = float(os.environ.get("CHAT_THINKING_S", "0.2"))


class Chat(TypedDict, total=False):
    """What a run is given (`said`), and what the thread keeps."""

    said: str
    heard: Annotated[list[str], operator.add]
    answer: str
    version: str


async def listen(state: Chat) -> Chat:
    """Remember what was said."""
    return {"heard": [state["said"]]}


async def reply(state: Chat) -> Chat:
    """Take a moment, as a model would, then say back everything heard on this thread."""
    await asyncio.sleep(THINKING_S)
    heard = state["heard"]
    return {"answer": f"{VERSION}: {len(heard)} heard: {', '.join(heard)}", "version": VERSION}


builder = StateGraph(Chat)
builder.add_node("listen", listen)
builder.add_node("reply", reply)
builder.add_edge(START, "listen")
builder.add_edge("listen", "reply")
builder.add_edge("reply", END)
graph = builder.compile()

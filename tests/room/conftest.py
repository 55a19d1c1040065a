"""What several tests of this room share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.room.client import Client


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    made = Client()
    yield made
    made.transport.close()
    await asyncio.sleep(0.01)

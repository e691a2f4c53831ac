"""The database that queries read, by a name that rooms without SQL may use."""

from sqlalchemy.ext.asyncio import AsyncEngine

Engine = AsyncEngine

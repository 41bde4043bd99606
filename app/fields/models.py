"""Tables of configurable choice lists and of the custom fields of customers."""

from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, Json, SortKey, key_column


class ChoiceList(Base):
    """A list of choices `[{code, title: {zh, en}, is_active}]` in their order; a choice never leaves it.

    An open list only suggests: other texts are taken too.
    """

    __tablename__ = "choice_lists"
    __entity__ = "choice_list"

    id: Mapped[int] = key_column()
    code: Mapped[str] = mapped_column(SortKey, unique=True)
    title: Mapped[dict[str, str]] = mapped_column(Json)
    is_open: Mapped[bool] = mapped_column(default=False)
    choices: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    version: Mapped[int] = mapped_column(default=1)


class CustomField(Base):
    """A field that a deployment adds to its customers' files; key and type stay what they are.

    `choice_list` is the code of the list that a choice or multi-choice takes its values from.
    """

    __tablename__ = "custom_fields"
    __entity__ = "custom_field"

    id: Mapped[int] = key_column()
    key: Mapped[str] = mapped_column(SortKey, unique=True)
    type: Mapped[str] = mapped_column(String(20))
    title: Mapped[dict[str, str]] = mapped_column(Json)
    choice_list: Mapped[str | None] = mapped_column(String(40))
    is_active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)

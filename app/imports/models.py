"""Tables of imports: the file that was sent, what was read of it and refused of it, and mappings kept for the next one.

Files lie in the database, not in a folder: whichever API process takes the upload, whichever worker does the work, and
backups hold them. They hold personal data, so a purge deletes every piece.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.columns import Base, Json, SortKey, UtcDateTime, key_column, public_id_column
from app.time import FAR_END


class Import(Base):
    """An uploaded file. `about` is what was found out of it, `samples` a few of each column's cells.

    `options` are those of the newest run, `operation_id` its operation. Instants are real time. Once it has been applied
    it is not run again; once it is purged only this row is left, without samples.
    """

    __tablename__ = "imports"
    __audited__ = False

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    file_name: Mapped[str] = mapped_column(String(200))
    file_size: Mapped[int] = mapped_column(BigInteger)
    row_count: Mapped[int]
    about: Mapped[dict[str, Any]] = mapped_column(Json)
    samples: Mapped[list[list[str]]] = mapped_column(Json, default=list)
    suggested: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    options: Mapped[dict[str, Any] | None] = mapped_column(Json)
    operation_id: Mapped[int | None] = mapped_column(ForeignKey("operations.id"))
    is_applied: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    purge_at: Mapped[datetime] = mapped_column(UtcDateTime)
    purged_at: Mapped[datetime] = mapped_column(UtcDateTime, default=FAR_END)


class ImportPiece(Base):
    """A piece of what belongs to an import: of the file itself, of its rows, of what was refused (kind, number from 0)."""

    __tablename__ = "import_pieces"
    __audited__ = False
    __table_args__ = (UniqueConstraint("import_id", "kind", "number"),)

    id: Mapped[int] = key_column()
    import_id: Mapped[int] = mapped_column(ForeignKey("imports.id"))
    kind: Mapped[str] = mapped_column(String(10))
    number: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ImportMapping(Base):
    """What somebody's columns mean, by their headers: `[{header, field, scale}]`."""

    __tablename__ = "import_mappings"
    __entity__ = "import_mapping"
    __table_args__ = (UniqueConstraint("created_by", "name_key"),)

    id: Mapped[int] = key_column()
    public_id: Mapped[str] = public_id_column()
    name: Mapped[str] = mapped_column(String(200))
    name_key: Mapped[str] = mapped_column(SortKey)
    columns: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    version: Mapped[int] = mapped_column(default=1)
    created_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


Index("ix_imports_user", Import.user_id, Import.created_at, Import.id)
Index("ix_imports_created", Import.created_at, Import.id)
Index("ix_imports_purge", Import.purge_at)

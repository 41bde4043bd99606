"""The first administrator, made from the command line since nobody can log in before him."""

from pydantic import ValidationError

from app.auth import queries
from app.auth.permissions import Role
from app.auth.schemas import UserCreate
from app.auth.users import create_user, hash_initial_password
from app.database import Actor, Database
from app.errors import invalid_field

_NOBODY = 0
_COMMAND_LINE = Actor(name="command line")


async def has_admin(database: Database) -> bool:
    """Return whether an active administrator exists."""
    return bool(await database.value(queries.OTHER_ADMINS, user_id=_NOBODY))


async def create_admin(
    database: Database, email: str, password: str | None = None, *, name: str = "管理员"
) -> tuple[str, str]:
    """Make an administrator; returns the address as it is kept, and the password, made up unless given.

    Raises `Conflict` (`email_taken`), and `Invalid` for an address or a password that will not do.
    """
    try:
        command = UserCreate(email=email, name=name, role=Role.ADMIN)
    except ValidationError as error:
        raise invalid_field("/email", "email_invalid") from error
    password_hash, made = await hash_initial_password(command.email, password)
    async with database.transaction(_COMMAND_LINE) as tx:
        await create_user(tx, command, password_hash)
    return command.email, made or password or ""

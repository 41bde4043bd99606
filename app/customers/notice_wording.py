"""What notices about customers say, in both languages. Pure: the matter comes as plain values."""

from app.notifications.wording import Text, Words, one_line


def manager_missing(number: str, name: str) -> Words:
    """Return the words for a department's head: a tier-A customer lacks an account manager (SOP CU-10)."""
    label = one_line(f"{number} {name}")
    return Words(
        zh=Text(
            title=f"A 级客户缺少专属客户经理:{label}",
            body=f"{label} 为 A 级客户,按 SOP CU-10 须有专属客户经理,目前没有在职的客户经理。\n请在客户档案中指定客户经理。",
        ),
        en=Text(
            title=f"Tier-A customer without an account manager: {label}",
            body=(
                f"{label} is of tier A and is owed an account manager of its own (SOP CU-10); nobody active is one.\n"
                "Name an account manager on the customer's file."
            ),
        ),
    )

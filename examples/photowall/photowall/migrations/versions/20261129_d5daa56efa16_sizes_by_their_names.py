"""sizes by their names

The upload set knows where a picture's other size is, so the row need not.
"""

import sqlalchemy as sa
from alembic import op

revision = "d5daa56efa16"
down_revision = "256ad1b6da48"
branch_labels = None
depends_on = None

# lint: off (the wall stops while it is upgraded, so no code of before uses the column)


def upgrade() -> None:
    # Not in a batch: SQLite would copy the table, and forget which numbers were given before.
    op.drop_column("photo", "small_key")


def downgrade() -> None:
    small_key = sa.Column("small_key", sa.String(length=100), nullable=False, server_default="")
    op.add_column("photo", small_key)
    op.execute("UPDATE photo SET small_key = replace(key, '.1600x1600.', '.640x640.')")

"""The second version: corrections of results."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "corrections",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("job", sa.Integer, sa.ForeignKey("jobs.number", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("value", sa.JSON, nullable=False),
        sa.Column("author", sa.String(100), nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("undone_at", sa.Float),
        sqlite_autoincrement=True,  # a number is never used again, also after a conversation is deleted
    )
    op.create_index("corrections_by_job", "corrections", ["job", "number"])


def downgrade() -> None:
    op.drop_table("corrections")

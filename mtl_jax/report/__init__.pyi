from .page import write_picture, write_report
from .run import METRICS
from .tables import markdown_table
from .tasks import ALL, many_tasks, tasks_markdown

__all__ = ["ALL", "METRICS", "many_tasks", "markdown_table", "tasks_markdown", "write_picture", "write_report"]

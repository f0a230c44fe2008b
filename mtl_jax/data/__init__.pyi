from .error import DataError
from .source import Remote, Source
from .table import Column, Facts, Table

__all__ = ["Column", "DataError", "Facts", "Remote", "Source", "Table"]

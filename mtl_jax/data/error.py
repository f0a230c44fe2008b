"""What is said of data that are not as they should be, apart from pandas, which the readers wait for."""


class DataError(ValueError):
  """A data folder or file is absent, cut short or not the expected one."""

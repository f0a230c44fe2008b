"""Files are whole: the old one or the new one."""

import pytest

from mtl_jax.disk import replacing


def test_a_file_is_the_old_one_until_the_new_one_is_whole(tmp_path):
  path = tmp_path / "folder" / "rows.json"
  with replacing(path) as file:
    file.write(b"old")
    assert not path.exists()
  with pytest.raises(ZeroDivisionError), replacing(path) as file:
    file.write(b"ne")
    file.flush()
    raise ZeroDivisionError
  assert path.read_bytes() == b"old"
  with replacing(path) as file:
    file.write(b"new")
  assert path.read_bytes() == b"new"
  assert list(path.parent.iterdir()) == [path]

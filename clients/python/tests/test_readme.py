"""The code of the README signs a person in."""

import os
import re
import unittest
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict
from unittest import mock

from fixture import KEY, Attacked, Served
from onetimed import UndecidedError

TEXT = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def sign_in_code() -> str:
    found = re.search(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert found
    return found.group(1)


def load(url: str) -> Any:
    names: Dict[str, Any] = {}
    with mock.patch.dict(os.environ, {"ONETIMED_URL": url, "ONETIMED_KEY": KEY}):
        exec(compile(sign_in_code(), "README.md", "exec"), names)
    return SimpleNamespace(**names)


class TestReadme(Served):
    def test_the_sign_in_has_less_than_20_lines_and_signs_a_person_in(self) -> None:
        self.assertLess(len(sign_in_code().strip().splitlines()), 20)
        readme, session = load(self.url), {}
        readme.send_code(session, "ann@example.com", SimpleNamespace(id="account-17", email="stored@example.com"))
        code = self.message("stored@example.com")["code"]
        self.assertIsNone(readme.sign_in(session, "000001" if code == "000000" else "000000"))
        self.assertEqual(readme.sign_in(session, code), "account-17")
        self.assertIsNone(readme.sign_in(session, code))
        readme.send_code(session, "eve@example.com", None)
        self.assertIsNone(readme.sign_in(session, "000000"))


class TestReadmeAttacked(Attacked):
    def test_the_sign_in_takes_no_answer_for_no_yes(self) -> None:
        readme = load(self.raw(lambda sock: None))
        with self.assertRaises(UndecidedError):
            readme.sign_in({"verification": "id"}, "123456")


if __name__ == "__main__":
    unittest.main()

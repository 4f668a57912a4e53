"""The code of the README runs as shown."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_ten_lines_run_and_agree(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert len(code.split("\n\n")[1].splitlines()) <= 10
    exec(compile(code, str(README), "exec"), {})
    mean, error, exact = map(float, re.findall(r"\d+\.\d+", capsys.readouterr().out))
    assert abs(mean - exact) < 5 * error + 0.005  # half of the last digit printed

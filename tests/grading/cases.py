"""Reads the tables of submissions: Markdown, one case under each second-level heading."""

import re
from pathlib import Path

_CASE = re.compile(r"^## (.+?)$\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^(\w+): (.*)$", re.MULTILINE)
_BLOCK = re.compile(r"^```python (\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def read(path):
    """The cases of a table by name; each is a dictionary of its fields and blocks of code."""
    text = Path(path).read_text()
    return {name: _case(body) for name, body in _CASE.findall(text)}


def _case(body):
    blocks = {kind: code.rstrip("\n") for kind, code in _BLOCK.findall(body)}
    return dict(_FIELD.findall(_BLOCK.sub("", body))) | blocks

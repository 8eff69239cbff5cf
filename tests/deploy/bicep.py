"""A small reader of Bicep, enough to see whether files fit together. It is no compiler: types are not looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

WORD = re.compile(r"[A-Za-z_]\w*")
KEYWORDS = {"existing", "for", "in", "if", "true", "false", "null"}
TYPES = {"string", "int", "bool", "array", "object"}
DECLARATION = re.compile(r"(param|var|resource|module|output)\s+(\w+)\s*(.*)", flags=re.DOTALL)
PAIRS = {")": "(", "]": "[", "}": "{"}


@dataclass
class Declaration:
    """A parameter, variable, resource, module or output."""

    kind: str
    name: str
    text: str
    """What comes after the name."""
    decorators: str
    line: int

    @property
    def reference(self) -> str:
        """The quoted type or path that follows the name of a resource or module."""
        match = re.match(r"'([^']+)'", self.text)
        assert match, f"line {self.line}: {self.kind} {self.name} names no type or file"
        return match[1]


@dataclass
class BicepFile:
    """A file with its declarations."""

    path: Path
    scope: str
    declarations: list[Declaration] = field(default_factory=list)

    def of_kind(self, kind: str) -> dict[str, Declaration]:
        """Give the declarations of a kind by name."""
        return {item.name: item for item in self.declarations if item.kind == kind}


def read_bicep(path: Path) -> BicepFile:
    """Read a file.

    Raises:
        ValueError: If brackets or quotes do not match, or something stands outside of any declaration.
    """
    file = BicepFile(path, "resourceGroup")
    decorators = ""
    for statement, line in split_statements(strip_comments(path.read_text(encoding="utf-8"))):
        if match := re.match(r"targetScope\s*=\s*'(\w+)'", statement):
            file.scope = match[1]
        elif statement.startswith("@"):
            decorators += statement
        elif match := DECLARATION.fullmatch(statement):
            file.declarations.append(Declaration(match[1], match[2], match[3].strip(), decorators, line))
            decorators = ""
        else:
            raise ValueError(f"{path.name}, line {line}: neither decorator nor declaration: {statement[:60]}")
    return file


def strip_comments(text: str) -> str:
    """Remove comments, but not what looks like one in quotes."""
    return re.sub(r"('(?:\\.|[^'\\\n])*')|//[^\n]*", lambda match: match[1] or "", text)


def split_statements(text: str) -> Iterator[tuple[str, int]]:
    """Split a file at the line breaks that are inside no bracket."""
    opened: list[str] = []
    start, line, start_line, quoted, previous = 0, 1, 1, False, ""
    for index, char in enumerate(text + "\n"):
        if char == "'" and previous != "\\":
            quoted = not quoted
        elif not quoted and char in "([{":
            opened.append(char)
        elif not quoted and char in ")]}" and (not opened or opened.pop() != PAIRS[char]):
            raise ValueError(f"line {line}: {char} closes nothing")
        if char == "\n":
            if quoted:
                raise ValueError(f"line {line}: a quote is not closed")
            if not opened:
                if statement := text[start:index].strip():
                    yield statement, start_line
                start, start_line = index + 1, line + 1
            line += 1
        previous = char
    if opened:
        raise ValueError(f"{opened[-1]} is not closed")


def names_used(text: str) -> set[str]:
    """Find the names that an expression refers to: no properties, keys, functions, variables of loops and
    lambdas, or quoted text."""
    inner = re.findall(r"\$\{([^{}]*)\}", text)
    code = "\n".join([*inner, re.sub(r"'(?:\\.|[^'\\])*'", "''", text)])
    loops = set(re.findall(r"\bfor\s+(\w+)\s+in\b", code))
    loops |= set(re.findall(r"\b(\w+)\s*=>", code))
    loops |= {name for pair in re.findall(r"\bfor\s+\((\w+),\s*(\w+)\)\s+in\b", code) for name in pair}
    found = set()
    for match in WORD.finditer(code):
        before, after = code[: match.start()], code[match.end() :]
        # `a ? b : c` has a space before its colon, `key: value` has none.
        is_key = after.startswith(":") and not re.search(r"\bin\s+$", before)
        is_property = before.endswith((".", ".?")) or before[-1:].isdigit()
        if not (is_key or is_property or after.startswith("(")):
            found.add(match[0])
    return found - loops - KEYWORDS


def find_block(text: str, key: str) -> str:
    """Find the body of `key: {...}`, or nothing."""
    match = re.search(rf"\b{key}:\s*{{", text)
    if not match:
        return ""
    depth = 0
    for index in range(match.end() - 1, len(text)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return text[match.end() : index]
    return ""


def keys_of(block: str) -> set[str]:
    """Find the keys of an object's outermost level."""
    depth, keys = 0, set()
    for line in block.splitlines():
        if depth == 0 and (match := re.match(r"\s*(\w+)\s*:", line)):
            keys.add(match[1])
        depth += sum({"{": 1, "[": 1, "(": 1, "}": -1, "]": -1, ")": -1}.get(char, 0) for char in line)
    return keys

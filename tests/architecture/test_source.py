"""What the source itself may not do, read as a syntax tree."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(p for p in (ROOT / "apps").rglob("*.py") if "migrations" not in p.parts)
DOMAIN = (
    "events", "users", "approvals", "instruments", "clients", "pricing", "ledger", "credit", "compliance", "rfqs", "trades", "settlement",
    "close", "reports", "notify",
)  # fmt: skip
ROOMS = {"operations", "queries", "models", "rules", "rendering", "states", "errors", "feeds", "rails", "apps", "migrations", "__init__"}
# Where binary fractions may stand: none of them is money, a price or a size.
FLOATS = {
    "apps/api": "seconds of sockets",
    "apps/events/operations.py": "seconds of a socket",
    "apps/reports/rendering": "millimetres on paper",
}
# events.record("trade.booked", …), settling.tell(net_set, "net_set.frozen"): words before the keywords; and every lock_x(its_id)
READS_AS_A_SENTENCE = {
    ("apps/events/operations.py", "record"): 1,
    ("apps/ledger/operations/posting.py", "open_accounts"): 1,
    ("apps/settlement/operations/settling.py", "tell"): 2,
}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def decorators(node: ast.FunctionDef) -> set[str]:
    return {d.id for d in node.decorator_list if isinstance(d, ast.Name)}


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef))


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_no_binary_fraction_reaches_money(path: Path) -> None:
    if any(name(path).startswith(place) for place in FLOATS):
        return
    for node in ast.walk(tree(path)):
        assert not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"), (
            f"{name(path)}:{node.lineno}"
        )
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            pytest.fail(f"{name(path)}:{node.lineno}: {node.value} is a binary fraction")


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nothing_prints(path: Path) -> None:
    for node in ast.walk(tree(path)):
        assert not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"), (
            f"{name(path)}:{node.lineno}"
        )


@pytest.mark.parametrize("path", [p for p in SOURCES if p.parts[len(ROOT.parts) + 1] in {"api", "jobs", "desk"}], ids=name)
def test_the_top_floor_names_no_table(path: Path) -> None:
    if "admin" in path.parts:
        return
    for node in ast.walk(tree(path)):
        for module in imported(node):
            assert not re.fullmatch(r"apps\.\w+\.models(\..*)?", module), f"{name(path)}: {module}"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_every_use_case_and_step_takes_keywords_only(path: Path) -> None:
    for node in functions(path):
        if not decorators(node) & {"use_case", "step"} or node.name.startswith("_"):
            continue
        assert not node.args.posonlyargs, f"{name(path)}:{node.lineno} {node.name}"
        allowed = 1 if node.name.startswith("lock_") else READS_AS_A_SENTENCE.get((name(path), node.name), 0)
        assert len(node.args.args) <= allowed, f"{name(path)}:{node.lineno} {node.name}: {[a.arg for a in node.args.args]}"
        assert node.args.vararg is None, f"{name(path)}:{node.lineno} {node.name}"


def test_use_cases_live_in_workflows_only_and_take_now() -> None:
    seen = 0
    for path in SOURCES:
        for node in functions(path):
            if "use_case" in decorators(node):
                seen += 1
                assert name(path).startswith("apps/workflows/"), f"{name(path)}: {node.name}"
                assert "now" in {arg.arg for arg in node.args.kwonlyargs}, f"{name(path)}: {node.name}"
    assert seen >= 6


@pytest.mark.parametrize("app", DOMAIN)
def test_every_domain_app_has_only_the_rooms_that_have_names(app: str) -> None:
    found = {p.stem for p in (ROOT / "apps" / app).iterdir() if p.name != "__pycache__"}
    assert found <= ROOMS, found - ROOMS


def test_every_app_has_a_place() -> None:
    found = {p.name for p in (ROOT / "apps").iterdir() if (p / "__init__.py").exists()}
    assert found == {*DOMAIN, "core", "workflows", "api", "desk", "jobs"}


def test_rules_and_states_and_errors_are_plain_python() -> None:
    for path in SOURCES:
        room = path.relative_to(ROOT / "apps").parts[1].removesuffix(".py") if len(path.relative_to(ROOT / "apps").parts) > 1 else ""
        if room in {"rules", "states", "errors"} or name(path) in {"apps/core/money.py", "apps/core/states.py", "apps/core/errors.py"}:
            for node in ast.walk(tree(path)):
                assert not any(module.split(".")[0] == "django" for module in imported(node)), name(path)


def test_nothing_is_left_to_be_done() -> None:
    words = ("TO" + "DO", "FIX" + "ME", "Not" + "ImplementedError")
    for path in [*SOURCES, *(ROOT / "flowdesk").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]:
        text = path.read_text()
        for word in words:
            assert word not in text, f"{name(path)}: {word}"


def test_one_place_writes_csv_so_that_no_export_holds_a_formula() -> None:
    """Whatever the module and what is in it are called there: `import csv as c`, `from csv import writer`."""
    writers = set()
    for path in SOURCES:
        nodes = list(ast.walk(tree(path)))
        called = {a.asname or a.name for n in nodes if isinstance(n, ast.Import) for a in n.names if a.name == "csv"}
        used = {n.attr for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id in called}
        used |= {a.name for n in nodes if isinstance(n, ast.ImportFrom) and n.module == "csv" for a in n.names}
        if {"writer", "DictWriter", "*"} & used:
            writers.add(name(path))
    assert writers == {"apps/reports/rendering/csvfile.py"}, "exports go through csvfile.encode"


def test_no_file_is_longer_than_one_reads_at_once() -> None:
    ours = [*SOURCES, *(ROOT / "flowdesk").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]
    long = {name(path): lines for path in ours if (lines := len(path.read_text().splitlines())) > 400}
    assert not long, "split it by what it is about"

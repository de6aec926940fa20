"""The bundle that ships can be inlined in a page, asks for nothing from elsewhere, and stays small."""

import gzip
import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "src" / "unitscope" / "page" / "bundle"
SCRIPT = (BUNDLE / "page.js").read_text(encoding="utf-8")
STYLE = (BUNDLE / "page.css").read_text(encoding="utf-8")


def test_it_is_a_script_and_a_style_sheet() -> None:
    assert sorted(path.name for path in BUNDLE.iterdir()) == ["page.css", "page.js", "served.js"]


def test_the_served_script_asks_only_its_own_server() -> None:
    served = (BUNDLE / "served.js").read_text(encoding="utf-8")
    assert not re.search(r"XMLHttpRequest|new Worker|WebSocket|\beval\(|new Function", served)
    answered = (ROOT / "src" / "unitscope" / "server" / "app.py").read_text(encoding="utf-8")
    known = set(re.findall(r"\bapi/([a-z]+)\b", answered.split('"""')[1]))
    asked = set(re.findall(r"[\"'`](?:\$\{\w+\}|api/)([a-z]+)", served))
    assert known <= asked and set(re.findall(r"[\"'`]api/([a-z]+)", served)) <= known
    assert len(gzip.compress(served.encode())) < 100_000


def test_it_does_not_end_its_element() -> None:
    assert not re.search(r"</script|<!--\s*<script", SCRIPT, re.IGNORECASE)
    assert "</style" not in STYLE.lower()


def test_it_is_no_module_and_loads_nothing() -> None:
    assert not re.search(r"\bimport\s*[({\"']|^\s*export\b|\bfetch\(|XMLHttpRequest|new Worker", SCRIPT, re.MULTILINE)
    # Names of XML are addresses too, and Svelte's errors name a page that explains them; neither is ever opened.
    addresses = {re.sub(r"^(https?://[^/]+).*", r"\1", url) for url in re.findall(r"https?://[^\"'`\s]+", SCRIPT)}
    assert addresses <= {"http://www.w3.org", "https://svelte.dev"}
    assert "url(" not in STYLE
    assert "@import" not in STYLE


def test_it_is_small() -> None:
    assert len(gzip.compress(SCRIPT.encode() + STYLE.encode())) < 100_000


def test_packages_come_from_the_public_registry() -> None:
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text(encoding="utf-8"))
    addresses = [entry["resolved"] for entry in lock["packages"].values() if "resolved" in entry]
    assert all(address.startswith("https://registry.npmjs.org/") for address in addresses)

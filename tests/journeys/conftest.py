"""The whole application for real, and a real browser in front of it."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from mrm.project.demo.bank import PASSWORD
from tests.conftest import BANK_GROUP
from tests.project.running import ROOT, Up

PICTURES = Path(__file__).parent / "pictures"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser the journeys are skipped, and counted aloud."""
    here = [item for item in items if "journeys" in str(item.path)]
    for item in here:
        item.add_marker(pytest.mark.xdist_group(BANK_GROUP))
        if CHROMIUM is None:
            item.add_marker(pytest.mark.skip(reason=f"LOUD: no Chromium, so {len(here)} journeys are not walked"))


@dataclass
class House:
    """The running application."""

    address: str
    gateway: str
    environment: dict[str, str]

    def manage(self, *arguments: str) -> None:
        subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.environment, check=True)


@pytest.fixture(scope="session")
def bank(demo_bank: Up) -> House:
    """The demo bank as a browser meets it."""
    environment = demo_bank.environment
    gateway = f"http://127.0.0.1:{environment['MRM_GATEWAY_PORT']}"
    return House(demo_bank.address, gateway, environment)


@pytest.fixture(scope="session")
def more(bank: House) -> House:
    """The demo bank with a pickle that waits for its permission, and with a comparison that a worker is computing."""
    bank.manage("shell", "--no-imports", "-c", "from tests.journeys.more import found; found()")
    return bank


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@dataclass
class Person:
    """Somebody at a browser, signed in; what the browser complains about is kept."""

    house: House
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        self.page.goto(path if path.startswith("http") else self.house.address + path)
        return self.page

    def press(self, name: str, **kwargs: Any) -> None:
        self.page.get_by_role("button", name=name, **kwargs).first.click()

    def sees(self, text: str) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=15_000)


Enter = Callable[..., Person]


@pytest.fixture
def enter(browser: Browser, bank: House) -> Iterator[Enter]:
    """Sign somebody in at a browser window of his own."""
    opened: list[BrowserContext] = []

    def sign_in(username: str, width: int = 1440, theme: str = "light") -> Person:
        context = browser.new_context(viewport={"width": width, "height": 1000}, accept_downloads=True)
        if theme == "dark":
            context.add_cookies([{"name": "theme", "value": "dark", "url": bank.address}])
        opened.append(context)
        person = Person(bank, context, context.new_page())
        person.page.on(
            "console", lambda message: person.complaints.append(message.text) if message.type == "error" else None
        )
        person.go("/sign-in/")
        person.page.locator("input[name=login]").fill(username)
        person.page.locator("input[name=password]").fill(PASSWORD)
        person.page.locator("form button[type=submit]").first.click()
        expect(person.page.locator("nav[aria-label=Main]")).to_be_attached()
        return person

    yield sign_in
    for context in opened:
        context.close()

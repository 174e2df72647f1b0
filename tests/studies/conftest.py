"""Files of predictions, written line by line, and the browser that reads pages."""

import shutil

import pytest

from trifuse.studies.predictions import read_predictions


@pytest.fixture
def read(tmp_path):
    """Write lines to predictions.csv and read it back."""

    def write_and_read(*lines, encoding="utf-8"):
        path = tmp_path / "predictions.csv"
        path.write_bytes("".join(line + "\n" for line in lines).encode(encoding))
        return read_predictions(path)

    return write_and_read


@pytest.fixture(scope="session")
def chromium():
    """Chromium without a window and without any network, or skip the test where it is not."""
    from selenium import webdriver

    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("Chromium is not here: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
        "--window-size=1280,900", "--host-resolver-rules=MAP * ~NOTFOUND",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield browser
    browser.quit()


@pytest.fixture
def read_page(chromium):
    """Open a page that must be whole by itself: it loads nothing, and its console is silent."""

    def read(path):
        chromium.get_log("browser")
        chromium.get(path.as_uri())
        loaded = chromium.execute_script(
            "return performance.getEntriesByType('resource').map(entry => entry.name)"
        )
        assert [name for name in loaded if not name.startswith("data:")] == []
        assert chromium.get_log("browser") == []
        return chromium

    return read

"""The browser that reads pages, and files of predictions of scored images."""

import shutil
import subprocess
import tarfile
from contextlib import contextmanager

import numpy as np
import pytest

CLASSES = ["df", "mel", "nv", "vasc"]


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


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """The program of axe-core, from npm; skip the test where it cannot be had."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not here: apt-get install npm")
    folder = tmp_path_factory.mktemp("axe")
    packed = subprocess.run(
        [npm, "pack", "--silent", "axe-core@4"], cwd=folder, capture_output=True, timeout=120,
        check=False,
    )  # fmt: skip
    if packed.returncode:
        pytest.skip("npm does not give axe-core: is there a network?")
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as file:
        return file.extractfile("package/axe.min.js").read().decode()


@pytest.fixture
def looked_at(axe):
    """Look at an open page in a scheme of colours and a width, where nothing may scroll sideways.

    Gives a function that tells what breaks WCAG 2.2 AA, as far as axe-core can tell.
    """

    @contextmanager
    def look(browser, scheme, width):
        emulate = browser.execute_cdp_cmd
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        emulate("Emulation.setEmulatedMedia", {"features": features})
        emulate("Emulation.setDeviceMetricsOverride", size)

        def find_violations():
            return browser.execute_async_script(
                "const done = arguments[0], values = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa',"
                "  'wcag22aa', 'best-practice'];"
                "axe.run({ runOnly: { type: 'tag', values } }).then(result => done("
                "  result.violations.map(one => [one.id, one.nodes.map(node => node.html)])));"
            )

        try:
            browser.execute_script(axe)
            yield find_violations
            wide = browser.execute_script(
                "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wide == 0
        finally:
            emulate("Emulation.clearDeviceMetricsOverride", {})
            emulate("Emulation.setEmulatedMedia", {"features": []})

    return look


@pytest.fixture
def scored():
    """Probabilities and labels of 60 images."""
    rng = np.random.default_rng(0)
    labels = rng.choice(4, size=60, p=[0.1, 0.2, 0.5, 0.2])
    raw = rng.dirichlet(np.ones(4), 60) + 0.6 * np.eye(4)[labels]
    return raw / raw.sum(axis=1, keepdims=True), labels


@pytest.fixture
def write(tmp_path):
    """Write a predictions.csv as predict does."""

    def write_predictions(probabilities, top=3, whole=True, extra=()):
        header = ["image", "status"]
        for k in range(1, top + 1):
            header += [f"label_{k}", f"probability_{k}"]
        header += [f"probability_of_{name}" for name in CLASSES if whole] + ["message"]
        lines = [",".join(header)]
        for i, row in enumerate(probabilities):
            cells = [f"photos/{i}.jpg", "ok"]
            for c in np.argsort(-row, kind="stable")[:top]:
                cells += [CLASSES[c], f"{row[c]:.9g}"]
            cells += [f"{value:.9g}" for value in row if whole] + [""]
            lines.append(",".join(cells))
        lines += [f"{name},error{',' * (len(header) - 2)}gone" for name in extra]
        path = tmp_path / "predictions.csv"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write_predictions


@pytest.fixture
def truth(scored):
    """The class of each of the scored images."""
    return {str(image): CLASSES[label] for image, label in enumerate(scored[1])}

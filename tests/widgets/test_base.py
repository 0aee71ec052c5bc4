"""What every widget has: one module for both lives, state that the page can read, a still picture with words."""

import json
import re
import shutil
import subprocess
from typing import ClassVar

import pytest
import traitlets

from cnncourse.models import write_network
from cnncourse.widgets.base import FOLDER, Widget, link, page_files, self_contained
from cnncourse.workbench.figures import DescribedFigure

SHARED = (
    "crew",
    "detections",
    "dragging",
    "host",
    "kit",
    "network",
    "recognizer",
    "sheet",
    "sparse_network",
    "studio",
)  # what widgets are made of
MODULES = sorted(path for path in FOLDER.glob("*.mjs") if path.stem not in SHARED)


class Sample(Widget):
    stem = "sample"
    _esm = "export default { render() {} };"

    size = traitlets.Int(7).tag(sync=True)
    name = traitlets.Unicode("a").tag(sync=True)
    weights = traitlets.Bytes(b"\x01\x02").tag(sync=True)
    private = traitlets.Int(1)

    def still(self):
        return DescribedFigure("<svg></svg>", "a square that stands for a picture", "")


def page(widget):
    return widget._repr_mimebundle_()[0]["text/html"]


def state_on(page_html):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', page_html).group(1))


def test_jupyter_gets_the_live_view_and_the_website_a_mountable_picture():
    bundle, _ = Sample()._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/html"].startswith('<div class="cnn-widget" data-widget="sample.mjs"><script')
    assert "<svg></svg>" in bundle["text/html"]


def test_the_state_is_the_widget_s_own_synced_traits():
    assert Sample(size=5).state() == {"name": "a", "size": 5, "weights": b"\x01\x02"}
    assert state_on(page(Sample(size=5))) == {"name": "a", "size": 5, "weights": {"$bytes": "AQI="}}


def test_no_text_can_end_the_script_it_stands_in():
    text = "</script><!--<script> & \u2028 “"
    html = page(Sample(name=text))
    assert html.count("</script>") == 1
    assert state_on(html)["name"] == text


def test_the_same_state_gives_the_same_page():
    assert page(Sample()) == page(Sample())


def test_shared_traits_are_equal_in_python_and_named_on_the_page():
    first, second = Sample(size=3), Sample(size=4)
    link("size", first, second)
    first.size = 9
    assert second.size == 9
    assert 'data-shared="{&quot;size&quot;: &quot;size&quot;}"' in page(second)
    assert "data-shared" not in page(Sample())
    with pytest.raises(ValueError, match=r"colour is no trait; choose from name, size"):
        first.share(colour="x")


def test_a_widget_without_a_still_picture_is_refused():
    class Bare(Widget):
        stem = "bare"
        _esm = "export default { render() {} };"

    with pytest.raises(NotImplementedError, match=r"Bare has no still picture"):
        Bare()._repr_mimebundle_()


def test_state_that_is_no_json_is_refused():
    class Strange(Sample):
        thing = traitlets.Any({1, 2}).tag(sync=True)

    with pytest.raises(TypeError, match="cannot be part of a widget's state"):
        Strange()._repr_mimebundle_()


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ('import { h } from "../other.mjs";\n', "may import only"),
        ('import kit from "./kit.mjs";\n', "may import only"),
        ('import { nonsense } from "./kit.mjs";\n', "kit.mjs does not export nonsense"),
    ],
)
def test_a_module_may_import_only_what_modules_beside_it_export(module, words):
    with pytest.raises(ValueError, match=words):
        self_contained(module)


def test_a_module_that_several_import_is_there_once():
    files = {
        "kit.mjs": "export const one = 1;\nconst hidden = 5;\n",
        "part.mjs": 'import { one } from "./kit.mjs";\nexport function two() { return one + 1; }\nconst hidden = 6;\n',
    }
    module = (
        'import { one } from "./kit.mjs";\nimport { two as pair } from "./part.mjs";\nconst hidden = 7;\n'
        "export const answer = one + pair() + hidden;\nexport default { render() {} };\n"
    )
    text = self_contained(module, files.__getitem__)
    assert text.count("const one = 1;") == 1
    assert run_module(text) == ["function", 10]


def test_a_worker_becomes_a_blob_that_stands_alone():
    files = {"kit.mjs": "export const one = 1;\n", "job.mjs": 'import { one } from "./kit.mjs";\npostMessage(one);\n'}
    text = self_contained('const place = new URL("./job.mjs", import.meta.url);\n', files.__getitem__)
    assert "import" not in text
    assert 'URL.createObjectURL(new Blob(["const $kit = ' in text


def test_large_bytes_are_a_file_on_the_website():
    class Large(Sample):
        page_files: ClassVar = {"weights.bin": lambda: b"\x01\x02"}

        def files(self):
            return {"weights": "weights.bin"}

    assert state_on(page(Large()))["weights"] == {"$file": "weights.bin"}
    assert Large().state()["weights"] == b"\x01\x02"
    assert page_files()["lenet_mnist.bin"] == write_network("lenet_mnist")


def run_module(text):
    """Import a module from a data address, where relative imports fail as they do in anywidget."""
    script = (
        "let text = ''; for await (const part of process.stdin) text += part;"
        "const module = await import('data:text/javascript;base64,' + Buffer.from(text).toString('base64'));"
        "console.log(JSON.stringify([typeof module.default.render, module.answer]));"
    )
    node = shutil.which("node") or pytest.importorskip("playwright._impl._driver").compute_driver_executable()[0]
    command = [node, "--input-type=module", "--eval", script]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_the_kit_s_inner_names_do_not_clash_with_the_module_s():
    module = (
        'import { short as brief, moveInGrid } from "./kit.mjs";\n'
        "const counter = 1, SIGNED = 2, h = 3, short = 4;\n"
        "export const answer = brief(counter + SIGNED + h + short - 10.5) + moveInGrid({ key: 'Home' }, 0, 1, 2, 2);\n"
        "export default { render() {} };\n"
    )
    assert run_module(self_contained(module)) == ["function", "−0.50,0"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_stands_alone_in_jupyter(path):
    module = path.read_text(encoding="utf-8")
    assert run_module(self_contained(module))[0] == "function"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_has_its_class_and_touches_nothing_outside_its_place(path):
    assert path.with_suffix(".py").exists()
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"document\.(querySelector|getElement|body)|\bid:|https?://(?!www\.w3\.org)", text)
